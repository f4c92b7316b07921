/** The writer in a thread of its own: neither a slow fsync nor a lock held elsewhere stops the event loop. */
import { once } from 'node:events';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { Failure } from '../values/failure.ts';
import type { Position } from '../values/id.ts';
import type { AppendResult, NewCommit, StoredState } from './log.ts';
import type { Projection } from './projection.ts';
import { LogWriter } from './writer.ts';

/** What the log asks of its writer, wherever that runs. */
export interface Writer {
  append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult>;
  saveState(state: StoredState): Promise<void>;
  dropStates(): Promise<void>;
  close(): Promise<void>;
}

/** What can be asked of the thread beside. */
type Method = keyof Writer | 'checkpoint';

type Request = { id: number; method: Method; args: unknown[] };
type Trouble = { message: string; stack: string | undefined; hint: string | undefined; failure: boolean };
type Reply = { id: number; value: unknown } | { id: number; trouble: Trouble };

/** The same writer in this very thread, for programs that do one thing and end. Opens when first needed. */
export class InlineWriter implements Writer {
  readonly #open: () => LogWriter;
  #writer: LogWriter | undefined;

  constructor(file: string, projections: readonly Projection[]) {
    this.#open = () => new LogWriter(file, projections);
  }

  async append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult> {
    return this.#opened().append(expected, commits);
  }

  saveState(state: StoredState): Promise<void> {
    return this.#opened().saveState(state);
  }

  async dropStates(): Promise<void> {
    this.#opened().dropStates();
  }

  async close(): Promise<void> {
    this.#writer?.close();
  }

  #opened(): LogWriter {
    this.#writer ??= this.#open();
    return this.#writer;
  }
}

type Waiting = { resolve: (value: never) => void; reject: (error: Error) => void };

/** The near end of the thread. */
export class ThreadWriter implements Writer {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (reply: Reply) => this.#settle(reply));
    worker.on('error', (error) => this.#end(error as Error));
    worker.on('exit', () => this.#end(new Error("the log's writer has ended")));
  }

  /** Resolves when the thread has opened the file; rejects with what kept it from that. */
  static async start(workerFile: URL, file: string): Promise<ThreadWriter> {
    const worker = new Worker(workerFile, { workerData: { file }, name: 'log-writer' });
    const [reply] = (await once(worker, 'message')) as [Reply];
    if (!('trouble' in reply)) return new ThreadWriter(worker);
    await worker.terminate();
    throw errorFrom(reply.trouble);
  }

  append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult> {
    return this.#call('append', expected, commits);
  }

  saveState(state: StoredState): Promise<void> {
    return this.#call('saveState', state);
  }

  dropStates(): Promise<void> {
    return this.#call('dropStates');
  }

  /** As the writer's own. */
  checkpoint(): Promise<boolean> {
    return this.#call('checkpoint');
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    await this.#call('close');
    await this.#worker.terminate();
  }

  #call<T>(method: Method, ...args: unknown[]): Promise<T> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, args } satisfies Request);
    });
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('trouble' in reply) waiting?.reject(errorFrom(reply.trouble));
    else waiting?.resolve(reply.value as never);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(new WriterGone(error));
    this.#waiting.clear();
  }
}

/** The thread ended while a call was under way: what it did is not known. */
export class WriterGone extends Error {
  constructor(cause: Error) {
    super("the log's writer has ended in the middle of a call", { cause });
  }
}

const errorFrom = ({ message, stack, hint, failure }: Trouble): Error => {
  const error = failure ? new Failure(message, { hint }) : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
};

const troubleFrom = (error: Error): Trouble => ({
  message: error.message,
  stack: error.stack,
  hint: error instanceof Failure ? error.hint : undefined,
  failure: error instanceof Failure,
});

/** The far end: what the thread's own program calls, once, with the read models that it keeps level. */
export const serveWriter = (projections: readonly Projection[]): void => {
  const port = parentPort;
  if (!port) throw new Error('this program is a thread of innernet-server');
  const reply = (message: Reply) => port.postMessage(message);
  const { file } = workerData as { file: string };
  try {
    const writer = new LogWriter(file, projections);
    port.on('message', ({ id, method, args }: Request) => {
      carryOut(writer, method, args).then(
        (value) => reply({ id, value }),
        (error) => reply({ id, trouble: troubleFrom(error) }),
      );
    });
    reply({ id: 0, value: undefined });
  } catch (error) {
    reply({ id: 0, trouble: troubleFrom(error as Error) });
  }
};

const carryOut = async (writer: LogWriter, method: Method, args: unknown[]): Promise<unknown> =>
  (writer[method] as (...args: unknown[]) => unknown).apply(writer, args);
