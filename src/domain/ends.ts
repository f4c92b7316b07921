/** When peers expire, and which expire soon. */
import type { Timestamp } from '../values/time.ts';
import type { End } from './command.ts';
import type { Peer } from './peer.ts';

const WARNED_BEFORE_MS = 7 * 86_400_000;

/** Whether a peer has expired, by the server's clock. */
export const hasEnded = ({ expires }: Pick<Peer, 'expires'>, now: Timestamp): boolean =>
  expires !== undefined && expires <= now;

/** The moment of the end; null for never. */
export const endFrom = (end: End, now: Timestamp): Timestamp | null =>
  typeof end === 'number' ? (new Date(Date.parse(now) + end * 1000).toISOString() as Timestamp) : end;

export type EndingPeer = Peer & { expires: Timestamp };

/** Enabled peers that expire within a week, the next one first. */
export const endingSoon = (peers: Iterable<Peer>, now: Timestamp): EndingPeer[] => {
  const until = Date.parse(now) + WARNED_BEFORE_MS;
  const ending = [...peers].flatMap(({ expires, ...peer }) =>
    expires === undefined || peer.isDisabled || Date.parse(expires) > until ? [] : [{ ...peer, expires }],
  );
  return ending.sort((left, right) => (left.expires < right.expires ? -1 : 1));
};
