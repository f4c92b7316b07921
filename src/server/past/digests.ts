/** The digests of records as the bytes that go over the wire. */
import { setImmediate } from 'node:timers/promises';
import type { LogQueries } from '../../store/queries.ts';
import type { Hash, Position } from '../../values/id.ts';

/** A digest in its quotes, and a comma after it. */
export const DIGEST_BYTES = 67;
/** Records read at once. */
const SLICE = 500;

export const digestBytes = (digests: readonly Hash[]): Buffer =>
  Buffer.from(digests.map((digest) => `"${digest}",`).join(''), 'latin1');

/** Those of the records in (after, to] as far as they are there, from the log. */
export const digestsIn = async (
  queries: Pick<LogQueries, 'digests'>,
  after: Position,
  to: Position,
): Promise<Buffer> => {
  const slices: Buffer[] = [];
  for (let position = after; position < to; position += SLICE) {
    if (position > after) await setImmediate();
    slices.push(digestBytes(queries.digests(position, Math.min(position + SLICE, to))));
  }
  return Buffer.concat(slices);
};
