/** A commit as followers of the log get it: its records and their events. */
import type { Actor } from '../events/actor.ts';
import type { EventRecord } from '../events/record.ts';
import type { NetworkEvent } from '../events/schema.ts';
import { eventOf } from '../events/upcast.ts';
import type { Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';

/** The records in (from, to] and their events, one for one. */
export type RecordedCommit = {
  from: Position;
  to: Position;
  actor: Actor;
  commandId: string;
  recordedAt: Timestamp;
  records: readonly EventRecord[];
  events: readonly NetworkEvent[];
};

/** Makes a commit from all its records, in order. Throws `UnknownEventType`. */
export const commitFrom = (
  records: readonly EventRecord[],
  events: readonly NetworkEvent[] = records.map(eventOf),
): RecordedCommit => {
  const [first] = records;
  if (!first) throw new Error('a commit has at least one record');
  return {
    from: first.position - 1,
    to: first.commitEnd,
    actor: JSON.parse(first.actor),
    commandId: first.commandId,
    recordedAt: first.recordedAt,
    records,
    events,
  };
};

/** Splits records into commits; `rest` are the records of an unfinished last one. */
export const wholeCommits = (
  records: readonly EventRecord[],
): { commits: RecordedCommit[]; rest: EventRecord[] } => {
  const commits: RecordedCommit[] = [];
  let pending: EventRecord[] = [];
  for (const record of records) {
    pending.push(record);
    if (record.position !== record.commitEnd) continue;
    commits.push(commitFrom(pending));
    pending = [];
  }
  return { commits, rest: pending };
};
