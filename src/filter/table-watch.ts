/** Tells when something of a table is removed, by `nft monitor`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { environment } from '../wireguard/program.ts';

/** A flush removes much at once. */
const GATHER_MS = 20;
/** Also for the time until nft listens. */
const START_AGAIN_MS = 1_000;

export class TableWatch {
  readonly #table: string;
  readonly #onRemoved: () => void;
  #monitor: ChildProcess | undefined;
  #telling: NodeJS.Timeout | undefined;
  #starting: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Also tells a moment after it began to watch. */
  constructor(table: string, onRemoved: () => void) {
    this.#table = table;
    this.#onRemoved = onRemoved;
    this.#start();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#telling);
    clearTimeout(this.#starting);
    this.#monitor?.kill();
  }

  /** It keeps no program alive, and dies with the first news that nobody reads. */
  #start(): void {
    const monitor = spawn('nft', ['monitor', 'destroy'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: environment(),
    });
    this.#monitor = monitor;
    monitor.unref();
    monitor.on('error', () => {});
    monitor.once('close', () => this.#later(() => this.#start()));
    createInterface(monitor.stdout).on('line', (line) => this.#hear(line));
    // A pipe of Node is a socket, which can stay open without keeping the program.
    (monitor.stdout as unknown as { unref: () => void }).unref();
    this.#later(() => this.#tell());
  }

  #later(act: () => void): void {
    if (this.#isClosed) return;
    clearTimeout(this.#starting);
    this.#starting = setTimeout(act, START_AGAIN_MS).unref();
  }

  /** Such as `delete chain inet innernet-acme through`. */
  #hear(line: string): void {
    if (`${line} `.includes(` inet ${this.#table} `)) this.#tell();
  }

  #tell(): void {
    if (this.#isClosed) return;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#onRemoved();
    }, GATHER_MS).unref();
  }
}
