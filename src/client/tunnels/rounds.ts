/**
 * When two peers that have not met try again. A router that admits unasked packets gives later packets from
 * inside another port until it forgets the first (30 s on Linux). So both sides stay silent longer, open
 * their routers by packets that do not arrive, and begin at the same moment by the server's clock.
 */
import { keyBytes, type PublicKey } from '../../values/key.ts';

/** From the first round to the first mark, and silence before it. */
const AFTER_BEGIN_MS = 47_000;
const SILENCE_MS = 31_000;
/** The starting side's first two rounds send nothing later. */
export const LOUD_FOR_MS = 9000;
/** Since the first round: the other router has forgotten it, and a side that began later has time. */
const OPEN_AFTER_BEGIN_MS = 43_000;
/** Before a later mark. */
const OPEN_BEFORE_MS = 12_000;
/** Until the mark: a router forgets after 30 s. */
export const OPEN_AGAIN_MS = 12_000;
/** Intervals of marks; one is a multiple of the other. */
const FIRST_EVERY_MS = 7500;
const LATER_EVERY_MS = 60_000;
/** Before a later mark. */
const LATER_SILENCE_MS = 36_000;

/** Equal on both sides; spreads the pairs of a network over time. */
export const pairNumber = (one: PublicKey, other: PublicKey): number => {
  const [left, right] = [keyBytes(one), keyBytes(other)];
  const at = (index: number) => (left[index] ?? 0) ^ (right[index] ?? 0);
  return at(2) * 256 + at(3);
};

/** A pair's next try. All times in milliseconds since 1970. */
export const nextMark = (
  pair: number,
  { now, roundStartedAt }: { now: number; roundStartedAt: number },
  isFirst: boolean,
) => {
  const every = isFirst ? FIRST_EVERY_MS : LATER_EVERY_MS;
  const least = isFirst
    ? Math.max(roundStartedAt + AFTER_BEGIN_MS, now + SILENCE_MS)
    : now + LATER_SILENCE_MS;
  const offset = pair % every;
  return Math.ceil((least - offset) / every) * every + offset;
};

/** When to open routers before that mark; all times by the same clock. */
export const openAhead = ({
  now,
  nextAttemptAt,
  roundStartedAt,
}: {
  now: number;
  nextAttemptAt: number;
  roundStartedAt: number;
}): number => {
  const early = roundStartedAt + OPEN_AFTER_BEGIN_MS;
  return Math.max(now, early > now ? Math.min(nextAttemptAt, early) : nextAttemptAt - OPEN_BEFORE_MS);
};
