/** How a connection to the server ended, and whether the server may have moved. */
import { CLOSE } from '../../protocol/frames.ts';
import type { Failure } from '../../values/failure.ts';

export type End =
  | { kind: 'noWay'; failure: Failure }
  /** Unanswered, broken, or dropped by this side. */
  | { kind: 'lost'; loss: Loss }
  /** By HTTP status or close code. */
  | { kind: 'refused'; status: number; isProved: boolean }
  | { kind: 'closed'; code: number };

/** `MAY_BE_GONE` says whether the server may have moved. */
export type Loss =
  | 'notListening'
  | 'reset'
  | 'broken'
  /** Something is overdue. */
  | 'silent'
  | 'slow'
  /** A promised proof did not come. */
  | 'unproved'
  /** A frame is unreadable, out of order, or could not be taken. */
  | 'badFrame'
  | 'gap'
  | 'untaken'
  /** All is taken, or the program ends. */
  | 'level'
  | 'stopping'
  /** Known to be older; or this machine's addresses, port, device or abilities changed. */
  | 'acknowledged'
  | 'otherAddresses'
  | 'otherPort'
  | 'otherDevice'
  | 'otherAbilities';

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
  otherAbilities: false,
};

/** Whether to look for the server again. */
export const mayBeGone = (end: End): boolean => {
  switch (end.kind) {
    case 'noWay':
      return true;
    case 'lost':
      return MAY_BE_GONE[end.loss];
    case 'refused':
      return false;
    case 'closed':
      return end.code === CLOSE.behind;
  }
};

/** HTTP statuses for an unknown stream. */
export const NO_SUCH_STREAM: readonly number[] = [400, 404, 405, 426];

export const lossOf = ({ code }: NodeJS.ErrnoException): Loss =>
  code === 'ECONNREFUSED' ? 'notListening' : code === 'ECONNRESET' ? 'reset' : 'broken';
