/**
 * Ownership of a network: one process listens on a Unix socket for root, and other verbs ask it.
 * A dead owner's socket is replaced.
 */
import { chmod, link, rename, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { closeFolder } from '../../machine/durable-file.ts';
import { askLine, firstLine, type Reply, reach } from '../../machine/line-socket.ts';
import { Failure } from '../../values/failure.ts';

export type Answerer = (request: unknown) => Promise<unknown>;

/** Request and answer are one line of JSON each. */
const MAX_REQUEST_BYTES = 64 * 1024;

/** Undefined without an owner. Throws a `Failure` with the owner's words, or after `timeout` milliseconds. */
export const askOwner = (path: string, request: unknown, timeout = 15_000): Promise<unknown> =>
  askLine(path, request, { timeout, silent: 'the running innernet of this network does not answer' });

const replyTo = async (line: string, answer: Answerer): Promise<Reply> => {
  try {
    return { value: (await answer(JSON.parse(line))) ?? null };
  } catch (error) {
    const hint = error instanceof Failure ? error.hint : undefined;
    return { error: error instanceof Error ? error.message : String(error), hint };
  }
};

const serve = async (socket: Socket, answer: Answerer): Promise<void> => {
  const line = await firstLine(socket, MAX_REQUEST_BYTES).catch(() => undefined);
  if (line !== undefined) socket.end(`${JSON.stringify(await replyTo(line, answer))}\n`);
};

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });

export class Ownership {
  readonly #server: Server;
  readonly #path: string;

  private constructor(server: Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  /** Undefined if another process is the owner. */
  static async take(path: string, answer: Answerer): Promise<Ownership | undefined> {
    await closeFolder(dirname(path));
    const server = createServer((socket) => {
      socket.on('error', () => {});
      void serve(socket, answer);
    });
    // Linked into place, not created there: of two that find a dead socket, one wins.
    const draft = `${path}.${process.pid}`;
    await rm(draft, { force: true });
    await listen(server, draft);
    try {
      await chmod(draft, 0o600); // whatever the umask was; nobody else is in the folder
      if (await settle(draft, path)) return new Ownership(server, path);
    } finally {
      await rm(draft, { force: true });
    }
    server.close();
    return undefined;
  }

  async release(): Promise<void> {
    await rm(this.#path, { force: true });
    this.#server.close();
  }
}

/** Links the draft into place unless a live owner is there. */
const settle = async (draft: string, path: string): Promise<boolean> => {
  for (let round = 0; round < 10; round += 1) {
    const taken = await link(draft, path).then(
      () => false,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return true;
        throw error;
      },
    );
    if (!taken) return true;
    if (await isAlive(path)) return false;
    await bury(path);
  }
  return false;
};

const isAlive = async (path: string): Promise<boolean> => {
  const socket = await reach(path);
  socket?.destroy();
  return socket !== undefined;
};

/** Moves a dead socket away; puts back a live one that came meanwhile. */
const bury = async (path: string): Promise<void> => {
  const grave = `${path}.${process.pid}.dead`;
  try {
    await rename(path, grave);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (await isAlive(grave)) await link(grave, path).catch(() => {});
  await rm(grave, { force: true });
};
