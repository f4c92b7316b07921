/** Who is connected, by handshakes with the server, by this machine's own tunnels, and by what others tell of theirs. */
import type { News } from '../protocol/page.ts';
import type { PeerId } from '../values/id.ts';
import type { Observed } from './page.ts';

/** WireGuard's Reject-After-Time: a session not renewed for 180 s ends. */
const SESSION_MS = 180_000;

/** `now`: milliseconds since 1970. */
export const observedOf = (
  { seen, ways, told }: Omit<Extract<News, { kind: 'seen' }>, 'kind'>,
  now: number,
): ReadonlyMap<PeerId, Observed> => {
  const observed = new Map<PeerId, Observed>();
  for (const { peerId, last } of seen)
    observed.set(peerId, { seen: last, isConnected: now - Date.parse(last) <= SESSION_MS });
  for (const { peerId, way } of ways)
    observed.set(peerId, { isConnected: false, ...observed.get(peerId), way });
  for (const { peerId, direct, relayed } of told)
    observed.set(peerId, { isConnected: false, ...observed.get(peerId), told: { direct, relayed } });
  return observed;
};
