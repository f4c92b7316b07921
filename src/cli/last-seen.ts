/** When the server last saw a peer, in few words. */
import type { Timestamp } from '../values/time.ts';

/** WireGuard's Reject-After-Time: a session not renewed for 180 s ends. */
const SESSION_MS = 180_000;

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
] as const;

/** `now` in milliseconds since 1970. */
export const isSeenNow = (last: Timestamp | undefined, now = Date.now()): boolean =>
  last !== undefined && now - Date.parse(last) <= SESSION_MS;

/** `now`, `5 min ago`, `3 d ago`, `never`. */
export const seenText = (last: Timestamp | undefined, now = Date.now()): string => {
  if (last === undefined) return 'never';
  if (isSeenNow(last, now)) return 'now';
  const past = now - Date.parse(last);
  const [milliseconds, unit] = UNITS.find(([length]) => past >= length) ?? UNITS[2];
  return `${Math.floor(past / milliseconds)} ${unit} ago`;
};
