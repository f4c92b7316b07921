/** What takes more than a second says so, on a terminal: one line that rewrites itself and is gone in the end. */
import { clearPassing, passing } from './print.ts';

/** Milliseconds before anything is said, and between two versions of the line. */
const PATIENCE = 1_000;
const REWRITTEN_EVERY = 100;

/** How far something is. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  #next = performance.now() + PATIENCE;

  /** `what` is said before the numbers: `checked`. */
  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  reached(count: number): void {
    const now = performance.now();
    if (now < this.#next) return;
    passing(`${this.#what} ${count} of ${this.#total}`);
    this.#next = now + REWRITTEN_EVERY;
  }

  end(): void {
    clearPassing();
  }
}

/** Tells every second what is going on; resolves or rejects as the work does. */
export const during = async <T>(what: string | (() => string), work: Promise<T>): Promise<T> => {
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += 1;
    passing(`${typeof what === 'string' ? what : what()}: ${seconds} s`);
  }, PATIENCE);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    clearPassing();
  }
};
