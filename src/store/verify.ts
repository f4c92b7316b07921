/** Checks a log for damage: against its witness, its tail, or all of the chain. */

import { chainHash, digestOf, type EventRecord } from '../events/record.ts';
import { sha256 } from '../machine/sha256.ts';
import { Failure } from '../values/failure.ts';
import { type Hash, NO_HASH, type Position } from '../values/id.ts';
import type { EventLog, Head } from './log.ts';

/** Damage in the log; `position` is the first place where it shows. */
export class DamagedLog extends Failure {
  readonly position: Position;

  constructor(position: Position, message: string) {
    super(message, {
      hint:
        'put a backup back: innernet-server restore; if an older copy is meant to be here, say so: ' +
        'innernet-server restored',
    });
    this.name = 'DamagedLog';
    this.position = position;
  }
}

type Readable = Pick<EventLog, 'read' | 'networkId'>;

const PAGE_RECORDS = 1_000;

const recordAt = async (log: Readable, position: Position): Promise<EventRecord | undefined> => {
  const [record] = await log.read(position - 1, 1);
  return record?.position === position ? record : undefined;
};

/** The log must contain the witness's head; gives it, or undefined without a witness. Throws `DamagedLog`. */
export const checkWitness = async (log: EventLog): Promise<Head | undefined> => {
  const witness = await log.witness();
  if (!witness) return undefined;
  const { position } = await log.head();
  if (position < witness.position) {
    throw new DamagedLog(
      position + 1,
      `the log ends before its witness: at position ${position}, and ${witness.name} has seen ${witness.position}`,
    );
  }
  if ((await recordAt(log, witness.position))?.hash !== witness.hash) {
    throw new DamagedLog(
      witness.position,
      `position ${witness.position} of the log is another than the one that ${witness.name} has seen`,
    );
  }
  return { position: witness.position, hash: witness.hash };
};

/** Checks the last `count` records. Throws `DamagedLog`. */
export const checkTail = async (log: EventLog, count = PAGE_RECORDS): Promise<void> => {
  const { position } = await log.head();
  await verifyChain(log, Math.max(0, position - count));
};

/**
 * Checks records after a trusted position: gaps, digests, chain, ends of commits. `onRecords` gets good
 * pages. Gives the last head; throws `DamagedLog` for the first bad position.
 */
export const verifyChain = async (
  log: Readable,
  after: Position = 0,
  onRecords: (records: readonly EventRecord[]) => void = () => {},
): Promise<Head> => {
  const networkId = (await log.networkId()) ?? NO_HASH;
  let previous = await startOf(log, after);
  for (;;) {
    const records = await log.read(previous.position, PAGE_RECORDS);
    for (const record of records) {
      checkRecord(record, previous, networkId);
      previous = record;
    }
    if (records.length === 0) break;
    onRecords(records);
  }
  if (previous.commitEnd > previous.position)
    throw new DamagedLog(previous.position + 1, `the log ends within a commit, at ${previous.position}`);
  return { position: previous.position, hash: previous.hash };
};

export type Link = Pick<EventRecord, 'position' | 'hash' | 'commitEnd'>;

const startOf = async (log: Readable, after: Position): Promise<Link> => {
  if (after === 0) return { position: 0, hash: NO_HASH, commitEnd: 0 };
  const record = await recordAt(log, after);
  if (!record) throw new DamagedLog(after, `the log has no position ${after}`);
  return record;
};

/** Throws `DamagedLog` where a record does not continue the one before it. */
export const checkRecord = (record: EventRecord, previous: Link, networkId: Hash): void => {
  const { position, digest } = record;
  const fail = (what: string) => {
    throw new DamagedLog(position, `the log is damaged at position ${position}: ${what}`);
  };
  if (position !== previous.position + 1) fail(`the one before it is ${previous.position}`);
  const within = previous.commitEnd > previous.position;
  if (within ? record.commitEnd !== previous.commitEnd : record.commitEnd < position)
    fail('its commit does not end where it says');
  if (digestOf(record, record.salt, sha256) !== digest) fail('its content does not match its digest');
  const link = { networkId, position, previous: previous.hash, digest };
  if (chainHash(link, sha256) !== record.hash) fail('its hash does not continue the chain');
};
