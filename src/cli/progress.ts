/** How far something is that takes a while: one line that rewrites itself on a terminal, now and then a line elsewhere. */

/** Milliseconds before anything is said, and between two lines where there is no terminal. */
const PATIENCE = 1_000;
const BETWEEN_LINES = 10_000;

export class Progress {
  readonly #what: string;
  readonly #total: number;
  #next = performance.now() + PATIENCE;
  #isShown = false;

  /** `what` is said before the numbers: `checked`. */
  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  reached(count: number): void {
    const now = performance.now();
    if (now < this.#next) return;
    const text = `${this.#what} ${count} of ${this.#total}`;
    if (process.stderr.isTTY) {
      process.stderr.write(`\r${text}\x1b[K`);
      this.#next = now + PATIENCE / 10;
      this.#isShown = true;
    } else {
      process.stderr.write(`${text}\n`);
      this.#next = now + BETWEEN_LINES;
    }
  }

  /** Leaves an empty line where it was. */
  end(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K');
    this.#isShown = false;
  }
}
