/** A host of the lab with the programs on it and an observer beside them. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Host, Running } from '../test/lab.ts';
import { clock } from './clock.ts';

type Reply = { id: number; error?: string };
export type Posted = { begin: number; end: number; status: number; text: string };

/** What is looked for takes several milliseconds, and a look costs a tenth. */
const LOOK_MS = 1;

export class Machine {
  readonly host: Host;
  /** On a real disk, so that what is made durable costs what it costs: a lab's own folders are in memory. */
  readonly #folder: string;
  readonly #observer: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (reply: never) => void; reject: (error: Error) => void }>();
  #orders = 0;

  constructor(host: Host, folder: string) {
    this.host = host;
    this.#folder = join(folder, host.name);
    mkdirSync(this.#folder);
    this.#observer = host.fork(resolve('bench/observer.js'));
    this.#observer.on('message', (reply: Reply) => this.#settle(reply));
    this.#observer.on('exit', () => this.#end());
  }

  /** A path in the machine's own folder. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Runs `innernet` or `innernet-server` to its end; throws unless it succeeds. Gives when it began and ended. */
  async type(program: string, ...args: string[]): Promise<{ begin: number; end: number; text: string }> {
    const begin = clock();
    const text = await this.host.sure(this.#argv(program, args));
    return { begin, end: clock(), text };
  }

  /** Starts one of them and leaves it running. */
  start(program: string, ...args: string[]): Running {
    return this.host.spawn(this.#argv(program, args));
  }

  post(url: string, headers: Record<string, string>, body: unknown): Promise<Posted> {
    return this.#order('post', { url, headers, body });
  }

  /** When the device first had, or had no more, a peer; it is looked at `every` so many milliseconds. */
  async sees(device: string, key: string, present: boolean, every = LOOK_MS): Promise<number> {
    return (await this.#order<{ at: number }>('watch', { device, key, present, every })).at;
  }

  /** When the first ping was answered; one leaves every 3 ms. */
  async reaches(address: string): Promise<number> {
    return (await this.#order<{ at: number }>('ping', { address })).at;
  }

  #argv(program: string, args: readonly string[]): string[] {
    return [process.execPath, resolve('dist', `${program}.js`), '--data-dir', this.path('data'), ...args];
  }

  #order<T>(order: string, rest: object): Promise<T> {
    const id = ++this.#orders;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#observer.send({ id, order, ...rest });
    });
  }

  #settle({ id, error, ...reply }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(reply as never);
    else waiting?.reject(new Error(`${this.host.name}: ${error}`));
  }

  #end(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.host.name}: observer ended`));
    this.#waiting.clear();
  }
}
