/** How patiently a server is tried: the pause before each attempt, and how long an attempt may take. */
import type { Socket } from 'node:net';

/** The pause before the n-th attempt in a row, from 0, grows to this many milliseconds. */
const LONGEST_PAUSE = 30_000;
const FIRST_PAUSE = 500;

/** Milliseconds within which the server's machine takes a connection. */
const CONNECTED_WITHIN = 5000;
/** … and its program has answered, at the first attempt and at most. */
const ANSWERED_WITHIN = 5000;
const LONGEST_PATIENCE = 40_000;

/** Full jitter: anything up to a limit that doubles, so that thousands do not come back at the same moment. */
export const pauseBefore = (attempt: number, random: number): number =>
  random * Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(attempt, 16));

/**
 * How long the n-th attempt in a row, from 0, waits for the program's answer, in milliseconds. It grows: a server to
 * which thousands return at once would else be left by each of them just before its turn, and answer nobody.
 */
export const patienceAt = (attempt: number): number =>
  Math.min(LONGEST_PATIENCE, ANSWERED_WITHIN * 2 ** Math.min(attempt, 16));

/** A TCP connection fails when the machine there does not take it in time, whatever its program does. */
export const inTime = (socket: Socket, where: string): Socket => {
  const patience = setTimeout(
    () => socket.destroy(new Error(`nothing answers at ${where}`)),
    CONNECTED_WITHIN,
  );
  return socket.once('connect', () => clearTimeout(patience)).once('close', () => clearTimeout(patience));
};
