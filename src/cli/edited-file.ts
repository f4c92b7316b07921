/** Changes to a file that other programs change too, such as the hosts file: nobody's edit is lost under ours. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../values/failure.ts';
import { type Replacement, replaceFile } from './durable-file.ts';
import { contentOf, Overtaken } from './swapped-file.ts';

/** Others write seldom: so many edits in a row, each in the very moment of ours, mean a program that never stops. */
const MAX_TRIES = 50;
/** Milliseconds that a program gets to end what it was writing. */
const AFTER_THEIRS = 20;

/**
 * Replaces what is in a file by what `edit` makes of it, durably; where the file cannot be replaced it is written in its
 * place. When others wrote meanwhile, `edit` is asked again. A file that is missing is empty. Throws the system's
 * error, or a `Failure` when somebody else writes without end.
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
      await sleep(AFTER_THEIRS);
    }
  }
  throw new Failure(`another program changes ${path} all the time`, { hint: `see which one: fuser ${path}` });
};
