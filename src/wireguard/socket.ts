/** Operations over the Unix socket of a userspace WireGuard device. */
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import { portInUse } from './device.ts';
import { errnoOf, isComplete } from './uapi.ts';

/** Where every userspace implementation on Linux listens. */
const socketPath = (name: InterfaceName): string => `/var/run/wireguard/${name}.sock`;

/** Limit for an implementation that no longer serves its socket. */
const ANSWER_MS = 10_000;

/** Sends an operation, gives the whole answer. Throws a `Failure` for an error number or a dead device. */
export const ask = async (name: InterfaceName, operation: string): Promise<string> => {
  const answer = await exchange(socketPath(name), operation).catch((cause: NodeJS.ErrnoException) => {
    const hint = cause.code === 'EACCES' ? 'run it as root, with sudo' : undefined;
    throw new Failure(`the WireGuard device ${name} does not answer: ${cause.message}`, { hint, cause });
  });
  const errno = errnoOf(answer);
  if (errno === 0) return answer;
  throw refusal(name, operation, errno);
};

/** Whether a process listens. */
export const answers = (name: InterfaceName): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath(name));
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

/** Reads up to a match of `end`, since whole answers may be megabytes; undefined without a listener. */
export const beginning = (name: InterfaceName, operation: string, end: RegExp): Promise<string | undefined> =>
  new Promise((resolve) => {
    let text = '';
    const socket = connect(socketPath(name), () => socket.write(operation)).setTimeout(ANSWER_MS);
    socket
      .setEncoding('latin1')
      .on('data', (chunk: string) => {
        text += chunk;
        if (end.test(text)) socket.destroy();
      })
      .on('timeout', () => socket.destroy())
      .on('error', () => {})
      .on('close', () => resolve(text === '' ? undefined : text));
  });

/** One operation at a time; some implementations close the connection after the first. */
class Connection {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #asked: { resolve: (answer: string) => void; reject: (error: Error) => void } | undefined;
  #end: 'none' | 'lost' | 'silent' = 'none';

  constructor(path: string) {
    this.#socket = connect(path)
      .on('data', (chunk) => this.#take(chunk))
      .on('error', (error) => this.#leave('lost', error))
      .on('end', () => this.#leave('lost', new Error('the answer was cut short')))
      .on('timeout', () => this.#leave('silent', new Error('no answer within 10 s')));
  }

  get isOpen(): boolean {
    return this.#end === 'none';
  }

  get wasGone(): boolean {
    return this.#end === 'lost' && this.#chunks.length === 0;
  }

  ask(operation: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve, reject };
      this.#socket.ref().setTimeout(ANSWER_MS).write(operation);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (!endsAnswer(this.#chunks)) return;
    const answer = Buffer.concat(this.#chunks).toString('latin1');
    if (!isComplete(answer)) return;
    this.#chunks = []; // megabytes, where there are thousands of peers
    this.#socket.setTimeout(0).unref();
    this.#asked?.resolve(answer);
    this.#asked = undefined;
  }

  #leave(end: 'lost' | 'silent', error: Error): void {
    this.#end = end;
    this.#socket.destroy();
    this.#asked?.reject(error);
    this.#asked = undefined;
  }
}

/** Connecting takes as long as asking: keeps one idle connection per device. */
const idle = new Map<string, Connection>();

const exchange = async (path: string, operation: string): Promise<string> => {
  const kept = idle.get(path);
  idle.delete(path);
  const connection = kept?.isOpen ? kept : new Connection(path);
  try {
    const answer = await connection.ask(operation);
    if (idle.has(path)) connection.close();
    else idle.set(path, connection);
    return answer;
  } catch (error) {
    // Safe to repeat: an operation names the wanted state, not a change.
    if (connection === kept && connection.wasGone) return exchange(path, operation);
    throw error;
  }
};

/** Cheap enough for every chunk: only an answer's end has two line ends together. */
const endsAnswer = (chunks: readonly Buffer[]): boolean =>
  Buffer.concat(chunks.slice(-2).map((chunk) => chunk.subarray(-2)))
    .toString()
    .endsWith('\n\n');

const EADDRINUSE = 98;

const refusal = (name: InterfaceName, operation: string, errno: number): Failure => {
  const port = /^listen_port=(\d+)$/m.exec(operation)?.[1];
  if (Math.abs(errno) === EADDRINUSE && port !== undefined) return portInUse(Number(port));
  return new Failure(`the WireGuard device ${name} refused a change (error ${Math.abs(errno)})`);
};

/** Polls until `state` holds; false after `timeout` milliseconds. */
export const settles = async (state: () => Promise<boolean>, timeout: number): Promise<boolean> => {
  const deadline = performance.now() + timeout;
  while (!(await state())) {
    if (performance.now() >= deadline) return false;
    await setTimeout(LOOK_MS);
  }
  return true;
};

/** A change takes some milliseconds, a look less than one. */
const LOOK_MS = 3;
