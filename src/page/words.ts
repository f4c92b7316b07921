/** The words and signs of the page: states of peers, spans of time. */
import type { Peer } from '../domain/peer.ts';
import { SERVER_PEER } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import type { Observed } from './page.ts';

/** `joined`: nobody knows of tunnels, as of the past. */
export const STATES = ['direct', 'relayed', 'silent', 'disabled', 'invited', 'joined'] as const;
export type State = (typeof STATES)[number];

export const STATE_WORDS: { readonly [S in State]: string } = {
  direct: 'direct',
  relayed: 'relayed',
  silent: 'silent',
  disabled: 'disabled',
  invited: 'invited',
  joined: 'joined',
};

/** WireGuard shakes hands every two minutes while packets flow. */
const MAX_HANDSHAKE_AGE_MS = 180_000;

/** Its own word first: what this machine has to do with it says less. */
const tunnelOf = ({ told, way, seen, isConnected }: Observed, nowMs: number): State => {
  if (told && told.direct + told.relayed > 0) return told.relayed >= told.direct ? 'relayed' : 'direct';
  if (way === 'direct' || way === 'relayed') return way;
  const isFresh = seen !== undefined && nowMs - Date.parse(seen) < MAX_HANDSHAKE_AGE_MS;
  return isConnected || isFresh ? 'direct' : 'silent';
};

/** `observed` is undefined for a moment of the past, and null where a peer was never heard. */
export const stateOf = (peer: Peer, observed: Observed | null | undefined, nowMs: number): State => {
  if (peer.isDisabled) return 'disabled';
  if (!peer.isRedeemed) return 'invited';
  if (observed === undefined) return 'joined';
  // The server itself tells what is seen.
  if (peer.id === SERVER_PEER && observed?.way === undefined) return 'direct';
  return observed === null ? 'silent' : tunnelOf(observed, nowMs);
};

/** `4 direct, 1 relayed`; empty: nobody says. */
export const waysText = ({ direct, relayed }: { direct: number; relayed: number }): string =>
  [direct > 0 ? `${direct} direct` : '', relayed > 0 ? `${relayed} relayed` : ''].filter(Boolean).join(', ');

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const;

/** `4 s`, `12 min`, `3 d`. */
export const spanText = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [length, unit] = UNITS.find(([each]) => seconds >= each) ?? [1, 's'];
  return `${Math.floor(seconds / length)} ${unit}`;
};

const clock = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
});

/** In the reader's own time zone. */
export const timeText = (time: Timestamp | null): string =>
  time === null ? 'the beginning' : clock.format(Date.parse(time));

/** `1 peer`, `12,345 peers`. */
export const countText = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
