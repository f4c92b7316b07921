/**
 * When two peers that have not met try again. A router that lets in unasked what comes from outside gives a later
 * packet from inside another port, until it has forgotten the first (30 s on Linux): so both sides are silent for
 * longer than that, then begin at the same moment, by the server's clock and without a word between them.
 */
import { keyBytes, type PublicKey } from '../../values/key.ts';

/** The first mark is this long after the first round began, and both sides have been silent this long; milliseconds. */
const AFTER_BEGIN = 44_000;
const SILENCE = 31_000;
/** Marks come this often, the first ones and the later ones, in milliseconds. */
const FIRST_EVERY = 15_000;
const LATER_EVERY = 60_000;
/** Before a later mark there is this much silence, in milliseconds. */
const LATER_SILENCE = 36_000;

/** A number that both sides of a pair come to: not all pairs of a network begin at once. */
export const pairNumber = (one: PublicKey, other: PublicKey): number => {
  const [left, right] = [keyBytes(one), keyBytes(other)];
  const at = (index: number) => (left[index] ?? 0) ^ (right[index] ?? 0);
  return at(2) * 256 + at(3);
};

/** The next moment at which a pair tries. All times in milliseconds since 1970. */
export const nextMark = (pair: number, { now, begun }: { now: number; begun: number }, isFirst: boolean) => {
  const every = isFirst ? FIRST_EVERY : LATER_EVERY;
  const least = isFirst ? Math.max(begun + AFTER_BEGIN, now + SILENCE) : now + LATER_SILENCE;
  const offset = pair % every;
  return Math.ceil((least - offset) / every) * every + offset;
};
