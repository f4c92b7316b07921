/** How a connection to the server ended, and what that says of the way to it. */
import type { Failure } from '../../values/failure.ts';

export type End =
  /** Nothing left this machine. */
  | { kind: 'noWay'; failure: Failure }
  /** Nobody answered, the connection broke, or this side let go of it. */
  | { kind: 'lost'; loss: Loss }
  /** The server answered and did not want to: the HTTP status, or the code with which it closed. */
  | { kind: 'refused'; status: number; isProved: boolean }
  | { kind: 'closed'; code: number };

/** Why it was lost; whether the server need not be where it was reached is in `MAY_BE_GONE`. */
export type Loss =
  /** The server's machine has nobody who listens, or ended the connection. */
  | 'notListening'
  | 'reset'
  | 'broken'
  /** A sign of life did not come, or the answer took too long. */
  | 'silent'
  | 'slow'
  /** It did not prove itself as it began to. */
  | 'unproved'
  /** What came could not be understood, is not what follows, or could not be taken. */
  | 'badFrame'
  | 'gap'
  | 'untaken'
  /** All was taken that was wanted, or this program ends. */
  | 'level'
  | 'stopping'
  /** The user knows that the server is another one; this machine has other addresses, another port, another device. */
  | 'acknowledged'
  | 'otherAddresses'
  | 'otherPort'
  | 'otherDevice';

const MAY_BE_GONE: { [L in Loss]: boolean } = {
  notListening: false,
  reset: false,
  broken: true,
  silent: true,
  slow: true,
  unproved: true,
  badFrame: true,
  gap: true,
  untaken: true,
  level: false,
  stopping: false,
  acknowledged: false,
  otherAddresses: false,
  otherPort: true,
  otherDevice: true,
};

/** Whether the server need not be where it was reached before: then it is looked for anew. */
export const mayBeGone = (end: End): boolean => {
  switch (end.kind) {
    case 'noWay':
      return true;
    case 'lost':
      return MAY_BE_GONE[end.loss];
    case 'refused':
    case 'closed':
      return false;
  }
};

/** With what a server refuses a stream that it does not know. */
export const NO_SUCH_STREAM: readonly number[] = [400, 404, 405, 426];

/** What the system said of a connection that failed. */
export const lossOf = ({ code }: NodeJS.ErrnoException): Loss =>
  code === 'ECONNREFUSED' ? 'notListening' : code === 'ECONNRESET' ? 'reset' : 'broken';
