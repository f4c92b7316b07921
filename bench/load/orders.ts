/** How the load tool speaks with its own processes: one order, one answer, over the channel that Node gives a child. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A folder for V8's CPU profiles of the processes that a row starts: BENCH_PROFILE=/tmp/profiles npm run bench … */
const PROFILES = process.env.BENCH_PROFILE;

type Order = { id: number; order: string; with: unknown };
type Answer = { id: number; result?: unknown; error?: string };

/** In the child: carries out what is ordered; it ends with whoever started it. */
export const obey = (orders: { [order: string]: (argument: never) => unknown }): void => {
  process.on('message', async ({ id, order, with: argument }: Order) => {
    try {
      process.send?.({ id, result: await orders[order]?.(argument as never) });
    } catch (error) {
      process.send?.({ id, error: (error as Error).stack ?? String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
  process.on('SIGTERM', () => process.exit(0));
  // Ctrl-C reaches the whole group: the one in front says when it is over.
  process.on('SIGINT', () => {});
};

/** A process of the load tool's own, as its parent sees it. */
export class Child {
  readonly #process: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  #orders = 0;

  /** A process that is there already and obeys. */
  constructor(name: string, process: ChildProcess) {
    this.#name = name;
    this.#process = process;
    process.on('message', (answer: Answer) => this.#settle(answer));
    process.on('exit', (code, signal) => this.#end(`${name} ended (${signal ?? code})`));
  }

  /** Starts a JavaScript module. */
  static start(name: string, module: string, execArgv: readonly string[] = []): Child {
    const profiling = PROFILES ? ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`] : [];
    const child = fork(module, [], { execArgv: [...execArgv, ...profiling], serialization: 'advanced' });
    return new Child(name, child);
  }

  /** Bundles one of `bench/load/*.ts` beside the programs and starts it. */
  static async bundled(name: string, execArgv: readonly string[] = []): Promise<Child> {
    return Child.start(name, await bundleOf(name), execArgv);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  ask<T>(order: string, argument: unknown = {}): Promise<T> {
    const id = ++this.#orders;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, order, with: argument } satisfies Order, (error) => {
        if (error) reject(error);
      });
    });
  }

  async stop(signal: NodeJS.Signals = PROFILES ? 'SIGTERM' : 'SIGKILL'): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    await ended;
  }

  #settle({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result as never);
    else waiting?.reject(new Error(`${this.#name}: ${error}`));
  }

  #end(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }
}

const bundles = new Map<string, Promise<string>>();

/** The path of one of `bench/load/*.ts`, bundled. */
export const bundleOf = (name: string): Promise<string> => {
  const known = bundles.get(name);
  if (known !== undefined) return known;
  const bundling = import(pathToFileURL(resolve('scripts/build.js')).href).then(
    ({ bundleForRun }: typeof import('../../scripts/build.js')) =>
      bundleForRun(resolve(`bench/load/${name}.ts`), `run-load-${name}`),
  );
  bundles.set(name, bundling);
  return bundling;
};
