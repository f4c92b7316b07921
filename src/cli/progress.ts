/** Shows work of more than a second on a terminal, as one line that vanishes at the end. */
import { clearPassing, passing } from './print.ts';

const TELL_EVERY_MS = 1_000;
const REWRITTEN_EVERY_MS = 100;

export class Progress {
  readonly #what: string;
  readonly #total: number;
  #next = performance.now() + TELL_EVERY_MS;

  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  reached(count: number): void {
    const now = performance.now();
    if (now < this.#next) return;
    passing(`${this.#what} ${count} of ${this.#total}`);
    this.#next = now + REWRITTEN_EVERY_MS;
  }

  end(): void {
    clearPassing();
  }
}

/** Shows every second that `work` goes on; settles as it does. */
export const during = async <T>(what: string | (() => string), work: Promise<T>): Promise<T> => {
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += 1;
    passing(`${typeof what === 'string' ? what : what()}: ${seconds} s`);
  }, TELL_EVERY_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    clearPassing();
  }
};
