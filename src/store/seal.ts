/** Seals decided events into records: ids, salts, digests and the chain. */
import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import { bodyText, chainHash, digestOf, type EventRecord } from '../events/record.ts';
import { sha256 } from '../machine/sha256.ts';
import { type Hash, NO_HASH } from '../values/id.ts';
import type { Head, NewCommit } from './log.ts';

const POOL = new Uint8Array(4096);
let used = POOL.length;

/** Offset of fresh random bytes: a system call for each few would cost more than the rest of sealing. */
const take = (count: number): number => {
  if (used + count > POOL.length) {
    randomFillSync(POOL);
    used = 0;
  }
  used += count;
  return used - count;
};

const randomBytes = (count: number): Uint8Array => {
  const start = take(count);
  return POOL.slice(start, start + count);
};

/** In [0, 1), for ulid. */
const dice = (): number => (POOL[take(1)] ?? 0) / 256;

const nextId = monotonicFactory(dice);

/** The records of one commit on top of a head, and the new head. */
export const seal = (
  commit: NewCommit,
  head: Head,
  knownNetworkId: Hash | undefined,
): { records: EventRecord[]; head: Head } => {
  const { actor, commandId, recordedAt, events } = commit;
  const commitEnd = head.position + events.length;
  const time = Date.parse(recordedAt);
  let { position, hash } = head;
  let networkId = knownNetworkId ?? NO_HASH;
  const records = events.map((event): EventRecord => {
    position += 1;
    const body = bodyText(event);
    const fields = { commitEnd, id: nextId(time), commandId, type: event.type, recordedAt, actor, body };
    const salt = randomBytes(16);
    const digest = digestOf(fields, salt, sha256);
    hash = chainHash({ networkId, position, previous: hash, digest }, sha256);
    if (position === 1) networkId = hash;
    return { position, ...fields, salt, digest, hash };
  });
  return { records, head: { position, hash } };
};
