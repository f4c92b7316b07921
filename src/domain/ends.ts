/** When a peer's time is over, and which peers come to their end soon. */
import type { Timestamp } from '../values/time.ts';
import type { End } from './command.ts';
import type { Peer } from './peer.ts';

/** How long before its end a peer is warned of, in milliseconds. */
const WARNED_BEFORE = 7 * 86_400_000;

/** Whether a peer's time is over; only this and the server's clock say so. */
export const hasEnded = ({ expires }: Pick<Peer, 'expires'>, now: Timestamp): boolean =>
  expires !== undefined && expires <= now;

/** The moment that is meant; null: never. */
export const endFrom = (end: End, now: Timestamp): Timestamp | null =>
  typeof end === 'number' ? (new Date(Date.parse(now) + end * 1000).toISOString() as Timestamp) : end;

/** A peer whose end is known. */
export type EndingPeer = Peer & { expires: Timestamp };

/** Enabled peers that end within a week, the next one first. */
export const endingSoon = (peers: Iterable<Peer>, now: Timestamp): EndingPeer[] => {
  const until = Date.parse(now) + WARNED_BEFORE;
  const ending = [...peers].flatMap(({ expires, ...peer }) =>
    expires === undefined || peer.isDisabled || Date.parse(expires) > until ? [] : [{ ...peer, expires }],
  );
  return ending.sort((left, right) => (left.expires < right.expires ? -1 : 1));
};
