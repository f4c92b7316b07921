/** What a restored copy no longer says of proofs by key, read from the log that it takes the place of. */
import { note } from '../../cli/print.ts';
import { type LostProof, lostProofs } from '../../domain/lost-proofs.ts';
import { eventOf } from '../../events/upcast.ts';
import type { Head } from '../../store/log.ts';
import { openDatabase } from '../../store/open.ts';
import { LogReader } from '../../store/reader.ts';
import type { SqliteLog } from '../../store/sqlite-log.ts';
import { loadNetwork } from '../live/load-network.ts';

/** Records that are read at once. */
const PAGE = 1_000;

/** Undefined where the log that is there cannot be read, or does not go on from the copy. */
export const lostProofsOf = async (
  copy: SqliteLog,
  { position, hash }: Head,
  present: string,
): Promise<LostProof[] | undefined> => {
  const after = await loadNetwork(copy);
  const before = after.clone();
  try {
    const db = openDatabase(present, 'read');
    try {
      const reader = new LogReader(db);
      if (reader.read(position - 1, 1)[0]?.hash !== hash) return undefined;
      for (let at = position; ; ) {
        const records = reader.read(at, PAGE);
        at = records.at(-1)?.position ?? at;
        before.advance(records.map(eventOf), at);
        if (records.length < PAGE) return lostProofs(before, after);
      }
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
};

/** Names each, with the command that says it anew. */
export const noteLostProofs = (network: string, lost: readonly LostProof[] | undefined): void => {
  if (!lost) note('what was lost may have required proofs by key, or waived them: that is not known here');
  for (const { sentence, verb } of lost ?? [])
    note(verb ? `${sentence}: innernet-server ${verb.replace(/^\S+/, `$& ${network}`)}` : sentence);
};
