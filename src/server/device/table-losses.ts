/** How often others removed or changed the server's table while it is served: counted, and kept for `doctor`. */
import { readFileSync, rmSync } from 'node:fs';
import * as z from 'zod';
import { replaceUnsynced } from '../../machine/durable.ts';

const Document = z.object({ times: z.number().int().nonnegative() });

/** Of the server that runs, or ran last; 0 if the file is missing or damaged. */
export const tableLosses = (file: string): number => {
  try {
    return Document.parse(JSON.parse(readFileSync(file, 'utf8'))).times;
  } catch {
    return 0;
  }
};

export class TableLosses {
  readonly #file: string;
  #times = 0;

  /** Begins to count. */
  constructor(file: string) {
    this.#file = file;
    rmSync(file, { force: true });
  }

  get times(): number {
    return this.#times;
  }

  /** A full disk costs only what `doctor` says. */
  note(): void {
    this.#times += 1;
    try {
      replaceUnsynced(this.#file, JSON.stringify({ times: this.#times } satisfies z.input<typeof Document>));
    } catch {
      // the metric has it
    }
  }
}
