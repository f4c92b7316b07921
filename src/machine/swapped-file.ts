/** Replaces a file that other programs write too, without losing their last edit. */
import { readFileSync, renameSync } from 'node:fs';
import { fileCalls } from './file-calls.ts';

/** Another program has written into the file since it was read. */
export class Overtaken extends Error {}

/** Content of a path or an open file; a missing file is empty. */
export const contentOf = (file: string | number): Buffer => {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
};

/** Throws `Overtaken` if the file has changed. */
export const refuseUnless = (file: string | number, expected: Buffer): void => {
  if (!contentOf(file).equals(expected)) throw new Overtaken();
};

/**
 * Renames the draft over a file that holds `instead`, or throws `Overtaken`. Swaps the names, so that a
 * last-moment edit in the old file can be found and put back. The returned function checks again, for
 * programs that had it open. No await in between: each microsecond is a gap.
 */
export const swapIn = (draft: string, path: string, instead: Buffer): (() => void) => {
  const { exchange } = fileCalls();
  refuseUnless(path, instead);
  if (!exchange(draft, path)) {
    renameSync(draft, path);
    return () => {};
  }
  const giveBack = (): void => {
    if (contentOf(draft).equals(instead)) return;
    exchange(draft, path);
    throw new Overtaken();
  };
  giveBack();
  return giveBack;
};
