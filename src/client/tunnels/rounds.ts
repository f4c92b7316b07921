/**
 * When two peers that have not met try again. A router that lets in unasked what comes from outside gives a later
 * packet from inside another port, until it has forgotten the first (30 s on Linux): so both sides are silent for
 * longer than that, open their routers by packets that do not arrive, and then begin at the same moment, by the
 * server's clock and without a word between them.
 */
import { keyBytes, type PublicKey } from '../../values/key.ts';

/** The first mark is this long after the first round began, and both sides have been silent this long; milliseconds. */
const AFTER_BEGIN = 47_000;
const SILENCE = 31_000;
/** Of the one that starts, the first two rounds send nothing later than this after they began, in milliseconds. */
export const LOUD_FOR = 9000;
/**
 * From here on routers are opened ahead of the first mark: when the other side's router has forgotten those rounds,
 * and early enough for it to have been done on both sides, though one began some seconds behind the other.
 */
const OPEN_AFTER_BEGIN = 43_000;
/** Ahead of a later mark it is this long, in milliseconds. */
const OPEN_BEFORE = 12_000;
/** Opened again this often until the mark, in milliseconds: a router forgets after 30 s. */
export const OPEN_AGAIN = 12_000;
/** Marks come this often, the first ones and the later ones, in milliseconds; one is a multiple of the other. */
const FIRST_EVERY = 7500;
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
export const nextMark = (
  pair: number,
  { now, roundStartedAt }: { now: number; roundStartedAt: number },
  isFirst: boolean,
) => {
  const every = isFirst ? FIRST_EVERY : LATER_EVERY;
  const least = isFirst ? Math.max(roundStartedAt + AFTER_BEGIN, now + SILENCE) : now + LATER_SILENCE;
  const offset = pair % every;
  return Math.ceil((least - offset) / every) * every + offset;
};

/** When routers are opened ahead of that mark; `roundStartedAt` is when the first round began, on the same clock. */
export const openAhead = ({
  now,
  nextAttemptAt,
  roundStartedAt,
}: {
  now: number;
  nextAttemptAt: number;
  roundStartedAt: number;
}): number => {
  const early = roundStartedAt + OPEN_AFTER_BEGIN;
  return Math.max(now, early > now ? Math.min(nextAttemptAt, early) : nextAttemptAt - OPEN_BEFORE);
};
