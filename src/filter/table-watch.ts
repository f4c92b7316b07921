/** Tells when a table or something of it is removed, by `nft monitor`. */
import type { ChildProcess } from 'node:child_process';
import { startTelling } from '../wireguard/program.ts';

/** A flush removes much at once. */
const GATHER_MS = 20;
/** Until nft listens. */
const STARTS_MS = 1_000;
const MAX_PAUSE_MS = 60_000;

export class TableWatch {
  readonly #removed: RegExp;
  readonly #onRemoved: () => void;
  #monitor: ChildProcess | undefined;
  #telling: NodeJS.Timeout | undefined;
  #starting: NodeJS.Timeout | undefined;
  #pause = STARTS_MS;
  #isClosed = false;

  /**
   * `table` with its family: `inet innernet-acme`. `isWhole`: only of its removal as a whole. Also tells a
   * moment after it began to watch.
   */
  constructor(table: string, onRemoved: () => void, { isWhole = false } = {}) {
    this.#removed = new RegExp(`^(?:delete|destroy) ${isWhole ? 'table' : '.*'} ?${table}(?: |$)`);
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
    // `nft monitor destroy` is a syntax error in nft 1.1.3.
    this.#monitor = startTelling('nft', ['monitor'], (line) => this.#hear(line));
    this.#monitor.once('close', () => this.#startLater());
    this.#starting = setTimeout(() => this.#tell(), STARTS_MS).unref();
  }

  #startLater(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#starting);
    this.#starting = setTimeout(() => this.#start(), this.#pause).unref();
    this.#pause = Math.min(MAX_PAUSE_MS, 2 * this.#pause);
  }

  /** Such as `delete chain inet innernet-acme through`, besides all that is added. */
  #hear(line: string): void {
    if (this.#removed.test(line)) this.#tell();
  }

  #tell(): void {
    if (this.#isClosed) return;
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#onRemoved();
    }, GATHER_MS).unref();
  }
}
