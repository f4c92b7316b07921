/** The likely reason why a peer is not reached, from what the server sees of both ends. */
import type { Observation } from '../../protocol/rows.ts';
import { hostOf, portOf, type SocketAddress } from '../../values/endpoint.ts';

export type Ends = {
  /** What the server sees of both. */
  own: Observation | undefined;
  peer: Observation | undefined;
  listenPort: number;
  places: readonly SocketAddress[];
};

/** With the likeliest place, since the peer's device entry is mostly silent. */
export type Unreached = { reason: string; endpoint?: SocketAddress | undefined };

const BOTH_CHANGE = 'the routers of both ends change ports (symmetric NAT)';

/** Why no packet could come directly; undefined: it may. */
export const hopelessReason = ({ own, peer, listenPort }: Omit<Ends, 'places'>): string | undefined =>
  ownPortChanges(own, listenPort) && peer !== undefined && changesPort(peer) ? BOTH_CHANGE : undefined;

const ownPortChanges = (own: Observation | undefined, listenPort: number): boolean =>
  Boolean(own?.endpoint && listenPort > 0 && portOf(own.endpoint) !== listenPort);

/** One sentence without a full stop. */
export const unreachedReason = ({ own, peer, listenPort, places }: Ends): string => {
  const ownChanges = ownPortChanges(own, listenPort);
  const peerChanges = peer !== undefined && changesPort(peer);
  if (places.length === 0) return 'offline: the server has not heard it, and no address of it is known';
  if (ownChanges && peerChanges) return BOTH_CHANGE;
  if (peerChanges) return 'its router changes its port (symmetric NAT), or it is offline';
  if (ownChanges) return 'the router here changes the port (symmetric NAT), or the peer is offline';
  if (peer && peer.candidates.length === 0)
    return 'no answer from where the server saw it last, and it names no other address: offline, or UDP is blocked';
  return 'no answer from any of its addresses: offline, or UDP is blocked';
};

/** The candidates all have the listen port; another one is a router's. */
const changesPort = ({ endpoint, candidates }: Observation): boolean =>
  endpoint !== null &&
  candidates.length > 0 &&
  candidates.every((one) => portOf(one) !== portOf(endpoint) && hostOf(one) !== hostOf(endpoint));
