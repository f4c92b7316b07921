/** How patiently a server is tried: the pause before each attempt, and how long an attempt may take. */

/** The pause before the n-th attempt in a row, from 0, grows to this. */
const MAX_PAUSE_MS = 30_000;
const FIRST_PAUSE_MS = 500;

/** Within this time the server's program has answered, at the first attempt and at most. */
const FIRST_PATIENCE_MS = 5000;
const MAX_PATIENCE_MS = 40_000;

/** Full jitter: anything up to a limit that doubles, so that thousands do not come back at the same moment. */
export const pauseBefore = (attempt: number, random: number): number =>
  random * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 16));

/**
 * How long the n-th attempt in a row, from 0, waits for the program's answer, in milliseconds. It grows: when thousands
 * return at once, each would else leave just before its turn, and nobody would be answered.
 */
export const patienceAt = (attempt: number): number =>
  Math.min(MAX_PATIENCE_MS, FIRST_PATIENCE_MS * 2 ** Math.min(attempt, 16));
