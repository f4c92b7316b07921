/** Sends a long answer on a terminal through a pager, elsewhere straight to stdout. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { harmless } from './print.ts';

export interface Outlet {
  readonly isOpen: boolean;
  /** Resolves when ready for the next piece. */
  write(text: string): Promise<void>;
  /** Resolves when the reader is done. */
  end(): Promise<void>;
}

const STDOUT: Outlet = {
  isOpen: true,
  write: async (text) => {
    if (text !== '' && !process.stdout.write(harmless(text, process.stdout)))
      await once(process.stdout, 'drain');
  },
  end: async () => {},
};

class Pager implements Outlet {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  isOpen = true;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'close').then(() => {
      this.isOpen = false;
    });
    child.stdin?.on('error', () => {
      this.isOpen = false; // somebody has read enough
    });
  }

  async write(text: string): Promise<void> {
    if (!this.isOpen || this.#child.stdin?.write(harmless(text, process.stdout)) !== false) return;
    await Promise.race([once(this.#child.stdin, 'drain').catch(() => undefined), this.#ended]);
  }

  async end(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }
}

/** The person's pager, or less with git's flags: short answers and colours pass through. */
const started = async (): Promise<ChildProcess | undefined> => {
  const { PAGER } = process.env;
  const options = {
    stdio: ['pipe', 'inherit', 'inherit'] as ('pipe' | 'inherit')[],
    env: { LESS: 'FRX', ...process.env },
  };
  const child = PAGER ? spawn('sh', ['-c', PAGER], options) : spawn('less', [], options);
  return new Promise((resolve) => {
    child.once('spawn', () => resolve(child));
    child.once('error', () => resolve(undefined));
  });
};

/** stdout, or a pager on a terminal unless `PAGER=cat`. */
export const outlet = async ({ pager = true }: { pager?: boolean | undefined }): Promise<Outlet> => {
  const { PAGER, TERM } = process.env;
  const wanted = pager && process.stdout.isTTY && PAGER !== '' && PAGER !== 'cat' && TERM !== 'dumb';
  const child = wanted ? await started() : undefined;
  if (!child) return STDOUT;
  process.on('SIGINT', () => {}); // Ctrl-C is the pager's
  return new Pager(child);
};
