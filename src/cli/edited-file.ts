/** Edits a file that other programs edit too, such as the hosts file, without losing their edits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Replacement, replaceFile } from '../machine/durable-file.ts';
import { contentOf, Overtaken } from '../machine/swapped-file.ts';
import { Failure } from '../values/failure.ts';

/** Others write seldom: so many edits at the very moment of ours mean a program that never stops. */
const MAX_TRIES = 50;
/** For another program to finish its write. */
const PAUSE_MS = 20;

/**
 * Replaces a file's content by the result of `edit`, durably; in place where a rename fails. Calls `edit`
 * again if others wrote meanwhile. A missing file is empty. Throws the system's error, or a `Failure` if
 * others keep writing.
 */
export const editFile = async (
  path: string,
  edit: (before: Buffer) => Buffer,
  { mode }: Required<Pick<Replacement, 'mode'>>,
): Promise<void> => {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const instead = contentOf(path);
    const after = edit(instead);
    if (after.equals(instead)) return;
    try {
      return await replaceFile(path, after, { mode, inPlace: true, instead });
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
      await sleep(PAUSE_MS);
    }
  }
  throw new Failure(`another program changes ${path} all the time`, { hint: `see which one: fuser ${path}` });
};
