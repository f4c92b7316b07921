/** The thread that answers questions; bundled as dist/past-thread.js. */

import { setPriority } from 'node:os';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openLog } from '../../projections/open-log.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId } from '../../values/id.ts';
import { type Answerer, NearAnswerer } from './answerer.ts';
import type { Down, Order, Trouble, Up } from './far-answerer.ts';
import { AdminsOnly, type Sight } from './own-past.ts';

/** The server's other threads have 0 and go first; more would starve questions on a busy machine. */
const NICENESS = 5;

const troubleFrom = (error: Error): Trouble => {
  const { message, stack } = error;
  if (!(error instanceof Failure)) return { kind: 'bug', message, stack, hint: undefined, verb: undefined };
  const { hint, verb } = error;
  return { kind: error instanceof AdminsOnly ? 'adminsOnly' : 'failure', message, hint, verb, stack };
};

/** Only buffers that own their whole memory can be transferred. */
const bytesIn = (value: unknown): ArrayBuffer[] => {
  const bytes = value instanceof Object && 'bytes' in value ? value.bytes : value;
  if (!(bytes instanceof Uint8Array) || !(bytes.buffer instanceof ArrayBuffer)) return [];
  return bytes.byteLength === bytes.buffer.byteLength ? [bytes.buffer] : [];
};

const serve = (port: MessagePort): void => {
  const { file } = workerData as { file: string };
  const opened = openLog({ file }).then((log) => new NearAnswerer(log));
  opened.catch(() => {}); // said in answer to each order
  const sights = new Map<number, (seen: ReadonlyMap<PeerId, string>) => void>();
  const sightOf =
    (id: number): Sight =>
    (ids) =>
      new Promise((resolve) => {
        sights.set(id, resolve);
        port.postMessage({ id, ids } satisfies Up);
      });
  port.on('message', (message: Down) => {
    const { id } = message;
    if ('seen' in message) return sights.get(id)?.(message.seen);
    return opened
      .then((answerer) => carryOut(answerer, message, sightOf(id)))
      .then(
        (value) => port.postMessage({ id, value } satisfies Up, bytesIn(value)),
        (error: Error) => port.postMessage({ id, trouble: troubleFrom(error) } satisfies Up),
      )
      .finally(() => sights.delete(id));
  });
};

const carryOut = async (answerer: Answerer, order: Order, sight: Sight): Promise<unknown> => {
  switch (order.order) {
    case 'answer':
      return answerer.answer(order.inquiry, sight);
    case 'background':
      return answerer.backgroundOf(order.rejection);
    case 'digests':
      return answerer.digests(order.after, order.to);
  }
};

if (!parentPort) throw new Error('this program is a thread of innernet-server');
setPriority(0, NICENESS); // on Linux that of this thread alone
serve(parentPort);
