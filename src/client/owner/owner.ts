/**
 * One process owns a network on a machine: it listens on a Unix socket that only root may reach, and other verbs ask
 * it. A socket that a killed owner left is taken over.
 */
import { chmod, link, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { closeFolder } from '../../cli/durable-file.ts';
import { Failure } from '../../values/failure.ts';

export type Answerer = (request: unknown) => Promise<unknown>;

/** What an owner answers: the value, or a sentence of what went wrong. */
type Reply = { value: unknown } | { error: string; hint?: string | undefined };

/** A request is one line of JSON, so is its answer. In bytes. */
const MAX_REQUEST_BYTES = 64 * 1024;

const firstLine = (socket: Socket, limit: number): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > limit) socket.destroy();
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(undefined));
  });

/** The connection to an owner; undefined where nobody listens. */
const reach = (path: string): Promise<Socket | undefined> =>
  new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(error.code ?? '')) resolve(undefined);
      else if (error.code === 'EACCES')
        reject(
          new Failure(`not allowed to reach ${path}`, { hint: 'run it as root, with sudo', cause: error }),
        );
      else reject(error);
    });
  });

/**
 * Asks the owner of a network; undefined where it has none. Throws a `Failure` with the owner's own words, or when
 * it does not answer within `timeout` milliseconds.
 */
export const askOwner = async (path: string, request: unknown, timeout = 15_000): Promise<unknown> => {
  const socket = await reach(path);
  if (!socket) return undefined;
  socket.setTimeout(timeout, () => socket.destroy());
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const line = await firstLine(socket, Number.POSITIVE_INFINITY);
    if (line === undefined) throw new Failure('the running innernet of this network does not answer');
    const reply = JSON.parse(line) as Reply;
    if ('error' in reply) throw new Failure(reply.error, { hint: reply.hint });
    return reply.value;
  } finally {
    socket.destroy();
  }
};

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

  /** Becomes the owner, or returns undefined where another process is. */
  static async take(path: string, answer: Answerer): Promise<Ownership | undefined> {
    await closeFolder(dirname(path));
    const server = createServer((socket) => {
      socket.on('error', () => {});
      void serve(socket, answer);
    });
    // Linked into its place rather than made there: of two that find a dead socket, one wins.
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

  /** Lets go: the next process may own the network. */
  async release(): Promise<void> {
    await rm(this.#path, { force: true });
    this.#server.close();
  }
}

/** Puts the draft into its place unless somebody alive is there. */
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

/** Moves a dead socket away; if a living one came into its place meanwhile, it is put back. */
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
