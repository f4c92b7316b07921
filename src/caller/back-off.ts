/** The pause before each attempt to reach a server, and the longest wait for its answer. */

/** Limits of the pause. */
const MAX_PAUSE_MS = 30_000;
const FIRST_PAUSE_MS = 500;

/** Limits of the wait for an answer. */
const FIRST_PATIENCE_MS = 5000;
const MAX_PATIENCE_MS = 40_000;

/** Full jitter up to a doubling limit, so that thousands do not return at once. */
export const pauseBefore = (attempt: number, random: number): number =>
  random * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 16));

/** In milliseconds, `attempt` from 0. It grows, else each of thousands would leave just before its turn. */
export const patienceAt = (attempt: number): number =>
  Math.min(MAX_PATIENCE_MS, FIRST_PATIENCE_MS * 2 ** Math.min(attempt, 16));
