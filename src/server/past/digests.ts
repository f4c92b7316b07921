/** Digests of records as bytes for the wire. */
import { setImmediate } from 'node:timers/promises';
import type { LogQueries } from '../../store/queries.ts';
import type { Hash, Position } from '../../values/id.ts';

/** A quoted digest and a comma. */
export const DIGEST_BYTES = 67;
const DIGESTS_PER_SLICE = 500;

export const digestBytes = (digests: readonly Hash[]): Buffer =>
  Buffer.from(digests.map((digest) => `"${digest}",`).join(''), 'latin1');

/** Those of (after, to] that exist. */
export const digestsIn = async (
  queries: Pick<LogQueries, 'digests'>,
  after: Position,
  to: Position,
): Promise<Buffer> => {
  const slices: Buffer[] = [];
  for (let position = after; position < to; position += DIGESTS_PER_SLICE) {
    if (position > after) await setImmediate();
    slices.push(digestBytes(queries.digests(position, Math.min(position + DIGESTS_PER_SLICE, to))));
  }
  return Buffer.concat(slices);
};
