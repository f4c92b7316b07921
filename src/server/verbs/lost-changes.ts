/** The changes that a restored copy lacks, read from the log that it replaces. */

import { note } from '../../cli/print.ts';
import { Clock, lineOf } from '../../cli/telling.ts';
import { openLog } from '../../projections/open-log.ts';
import type { Told } from '../../protocol/past.ts';
import type { Head } from '../../store/log.ts';
import { LogPast } from '../past/past.ts';

const MAX_SHOWN = 30;

/** Oldest first; undefined if the log is unreadable or does not continue the copy. */
export const lostChangesOf = async (
  { position, hash }: Head,
  present: string,
): Promise<Told[] | undefined> => {
  try {
    const log = await openLog({ file: present });
    try {
      if ((await log.read(position - 1, 1))[0]?.hash !== hash) return undefined;
      const past = new LogPast(log);
      return (await past.ask({ ask: 'history', after: position, limit: MAX_SHOWN })).entries;
    } finally {
      await log.close();
    }
  } catch {
    return undefined;
  }
};

/** `the 7 changes after it (20 to 26)`. */
export const lostText = (head: Head, lost: Head): string => {
  const [count, first] = [lost.position - head.position, head.position + 1];
  return count === 1
    ? `the change after it (${first})`
    : `the ${count} changes after it (${first} to ${lost.position})`;
};

/** Shows them under a heading; says so where they are not known. */
export const noteLostChanges = (head: Head, lost: Head, changes: readonly Told[] | undefined): void => {
  if (!changes || changes.length === 0) {
    note('which changes they were is not known: the log that was there cannot be read');
    return;
  }
  const clock = new Clock({});
  for (const change of changes) note(lineOf(change, clock));
  const more = lost.position - head.position - changes.length;
  if (more > 0) note(`and ${more} more`);
};
