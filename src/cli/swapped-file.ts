/** Putting one file in the place of another that somebody else may be writing: what they wrote last is given back. */
import { readFileSync, renameSync } from 'node:fs';
import { fileCalls } from './file-calls.ts';

/** Another program has written into the file since it was read. */
export class Overtaken extends Error {}

/** Of a path or an open file; a file that is missing is empty. */
export const contentOf = (file: string | number): Buffer => {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
};

/** Throws `Overtaken` where the file is no more what it was. */
export const refuseUnless = (file: string | number, expected: Buffer): void => {
  if (!contentOf(file).equals(expected)) throw new Overtaken();
};

/**
 * Renames the draft over a file that holds `instead`, or throws `Overtaken`. The two names swap, so that the file that
 * was there can be looked at again afterwards: an edit of the last moment is put back. The answer looks once more, for
 * a program that had opened the file already. No await in between: each microsecond from look to rename is a gap.
 */
export const swapIn = async (draft: string, path: string, instead: Buffer): Promise<() => void> => {
  const { exchange } = await fileCalls();
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
