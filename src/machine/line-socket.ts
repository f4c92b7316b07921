/** A question to another program of this machine by its Unix socket: one line of JSON there, one back. */
import { connect, type Socket } from 'node:net';
import { Failure } from '../values/failure.ts';

export type Reply = { value: unknown } | { error: string; hint?: string | undefined };

/** Undefined if the other end closes before a whole line. */
export const firstLine = (socket: Socket, limit: number): Promise<string | undefined> =>
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

/** Undefined if nothing listens. */
export const reach = (path: string): Promise<Socket | undefined> =>
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
 * The answer's value; undefined if nothing listens. Throws a `Failure` with the other program's words, or with `silent`
 * after `timeout` milliseconds.
 */
export const askLine = async (
  path: string,
  request: unknown,
  { timeout, silent }: { timeout: number; silent: string },
): Promise<unknown> => {
  const socket = await reach(path);
  if (!socket) return undefined;
  socket.setTimeout(timeout, () => socket.destroy());
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const line = await firstLine(socket, Number.POSITIVE_INFINITY);
    if (line === undefined) throw new Failure(silent);
    const reply = JSON.parse(line) as Reply;
    if ('error' in reply) throw new Failure(reply.error, { hint: reply.hint });
    return reply.value;
  } finally {
    socket.destroy();
  }
};
