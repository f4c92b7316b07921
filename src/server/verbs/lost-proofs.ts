/** The proof settings that a restored copy lacks, read from the log that it replaces. */
import { note } from '../../cli/print.ts';
import { type LostProof, lostProofs } from '../../domain/lost-proofs.ts';
import { withRecords } from '../../store/backup.ts';
import { replay } from '../../store/follow.ts';
import type { EventLog, Head } from '../../store/log.ts';
import { loadNetwork } from '../live/load-network.ts';

/** Undefined if the log is unreadable or does not continue the copy. */
export const lostProofsOf = async (
  copy: EventLog,
  { position, hash }: Head,
  present: string,
): Promise<LostProof[] | undefined> => {
  const after = await loadNetwork(copy);
  const before = after.clone();
  try {
    return await withRecords(present, async (records) => {
      if ((await records.read(position - 1, 1))[0]?.hash !== hash) return undefined;
      await replay(records, position, ({ events, to }) => before.advance(events, to));
      return lostProofs(before, after);
    });
  } catch {
    return undefined;
  }
};

/** With the command that sets each again. */
export const noteLostProofs = (network: string, lost: readonly LostProof[] | undefined): void => {
  if (!lost) note('what was lost may have required proofs by key, or waived them: that is not known here');
  for (const { sentence, verb } of lost ?? [])
    note(verb ? `${sentence}: innernet-server ${verb.replace(/^\S+/, `$& ${network}`)}` : sentence);
};
