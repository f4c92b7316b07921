/** One operation over the Unix socket of a userspace WireGuard device: connect, ask, hear the answer, part. */
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import { portInUse } from './device.ts';
import { errnoOf, isComplete } from './uapi.ts';

/** Where every userspace implementation on Linux listens. */
const socketPath = (name: InterfaceName): string => `/var/run/wireguard/${name}.sock`;

/** An implementation that has stopped listening to its socket must not hold us for ever. */
const ANSWER_MS = 10_000;

/** Sends one operation and gives the whole answer; throws a `Failure` for an error number or a dead device. */
export const ask = async (name: InterfaceName, operation: string): Promise<string> => {
  const answer = await exchange(socketPath(name), operation).catch((cause: NodeJS.ErrnoException) => {
    const hint = cause.code === 'EACCES' ? 'run it as root, with sudo' : undefined;
    throw new Failure(`the WireGuard device ${name} does not answer: ${cause.message}`, { hint, cause });
  });
  const errno = errnoOf(answer);
  if (errno === 0) return answer;
  throw refusal(name, operation, errno);
};

/** Whether somebody listens at the socket. */
export const answers = (name: InterfaceName): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath(name));
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

const exchange = (path: string, operation: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect(path, () => socket.write(operation));
    const settle = (act: () => void) => {
      socket.destroy();
      act();
    };
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      if (!endsAnswer(chunks)) return;
      const answer = Buffer.concat(chunks).toString('latin1');
      if (isComplete(answer)) settle(() => resolve(answer));
    };
    socket.setTimeout(ANSWER_MS, () => settle(() => reject(new Error('no answer within 10 s'))));
    socket
      .on('data', take)
      .once('error', (error) => settle(() => reject(error)))
      .once('end', () => settle(() => reject(new Error('the answer was cut short'))));
  });

/** Cheap enough to be asked of every chunk: only an answer's end has two line ends together. */
const endsAnswer = (chunks: readonly Buffer[]): boolean =>
  Buffer.concat(chunks.slice(-2).map((chunk) => chunk.subarray(-2)))
    .toString()
    .endsWith('\n\n');

/** Error numbers of Linux that a device answers with. */
const EADDRINUSE = 98;

const refusal = (name: InterfaceName, operation: string, errno: number): Failure => {
  const port = /^listen_port=(\d+)$/m.exec(operation)?.[1];
  if (Math.abs(errno) === EADDRINUSE && port !== undefined) return portInUse(Number(port));
  return new Failure(`the WireGuard device ${name} refused a change (error ${Math.abs(errno)})`);
};

/** Looks until `state` holds; false when it still does not after `timeout` milliseconds. */
export const settles = async (state: () => Promise<boolean>, timeout: number): Promise<boolean> => {
  const deadline = performance.now() + timeout;
  while (!(await state())) {
    if (performance.now() >= deadline) return false;
    await setTimeout(LOOK_MS);
  }
  return true;
};

/** Between two looks: what is looked for takes some milliseconds, a look less than one. */
const LOOK_MS = 3;
