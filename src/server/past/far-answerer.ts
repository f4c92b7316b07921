/** Answers in a low-priority thread, so that no question delays the server. */
import { Worker } from 'node:worker_threads';
import type { Rejection } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { Answered, Answerer, Inquiry } from './answerer.ts';
import { AdminsOnly, type Sight } from './own-past.ts';

/** Without a question; then the thread ends to free its memory. */
const MAX_IDLE_MS = 60_000;
/** Beyond it the thread ends, alone. */
const MAX_HEAP_MIB = 1_024;

export type Order =
  | { order: 'answer'; inquiry: Inquiry }
  | { order: 'background'; rejection: Rejection }
  | { order: 'digests'; after: Position; to: Position };

export type Trouble = { kind: 'failure' | 'adminsOnly' | 'bug'; message: string } & {
  hint: string | undefined;
  verb: string | undefined;
  stack: string | undefined;
};

/** Orders, and visible peers among the `ids` asked about. */
export type Down = { id: number } & (Order | { seen: ReadonlyMap<PeerId, string> });
/** Answers, failures, and peers to check for visibility. */
export type Up = { id: number } & ({ value: unknown } | { trouble: Trouble } | { ids: readonly PeerId[] });

type Waiting = { resolve: (value: never) => void; reject: (error: Error) => void; sight: Sight };

const sightOfNobody: Sight = async () => new Map();

export class FarAnswerer implements Answerer {
  readonly #program: URL;
  readonly #file: string;
  readonly #heap: number;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #idle: NodeJS.Timeout | undefined;
  #orders = 0;

  /** `program`: the thread's; `file`: the log's; `heap` in MiB. */
  constructor(program: URL, file: string, heap = MAX_HEAP_MIB) {
    this.#program = program;
    this.#file = file;
    this.#heap = heap;
  }

  answer(inquiry: Inquiry, sight: Sight): Promise<Answered> {
    return this.#order({ order: 'answer', inquiry }, sight);
  }

  backgroundOf(rejection: Rejection): Promise<string | undefined> {
    return this.#order({ order: 'background', rejection });
  }

  digests(after: Position, to: Position): Promise<Uint8Array> {
    return this.#order({ order: 'digests', after, to });
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    await this.#worker?.terminate();
  }

  #order<T>(order: Order, sight = sightOfNobody): Promise<T> {
    const worker = this.#started();
    const id = ++this.#orders;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, sight });
      worker.postMessage({ id, ...order } satisfies Down);
    });
  }

  #started(): Worker {
    clearTimeout(this.#idle);
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.#program, {
      workerData: { file: this.#file },
      name: 'past',
      resourceLimits: { maxOldGenerationSizeMb: this.#heap },
    });
    worker.on('message', (message: Up) => void this.#hear(worker, message));
    worker.on('error', (error) => this.#end(worker, error as Error));
    worker.on('exit', () => this.#end(worker, new Error('it has ended')));
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  async #hear(worker: Worker, message: Up): Promise<void> {
    const { id } = message;
    const waiting = this.#waiting.get(id);
    if ('ids' in message) {
      const seen = (await waiting?.sight(message.ids)) ?? new Map();
      worker.postMessage({ id, seen } satisfies Down);
      return;
    }
    this.#waiting.delete(id);
    if ('trouble' in message) waiting?.reject(errorFrom(message.trouble));
    else waiting?.resolve(message.value as never);
    if (this.#waiting.size === 0) this.#rest();
  }

  #rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      void this.#worker?.terminate();
      this.#worker = undefined;
    }, MAX_IDLE_MS).unref();
  }

  #end(worker: Worker, cause: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const gone = new Failure(`what answers questions about the log has failed: ${cause.message}`, {
      hint: 'ask about less at once',
      cause,
    });
    for (const { reject } of this.#waiting.values()) reject(gone);
    this.#waiting.clear();
  }
}

const errorFrom = ({ kind, message, hint, verb, stack }: Trouble): Error => {
  if (kind !== 'bug') return new (kind === 'failure' ? Failure : AdminsOnly)(message, { hint, verb });
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
};
