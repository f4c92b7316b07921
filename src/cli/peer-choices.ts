/** Peers as choices on a terminal, and the order in which they are listed. */
import type { Peer } from '../domain/peer.ts';
import { SERVER_PEER } from '../values/id.ts';
import { toNumber } from '../values/ip.ts';
import type { Choice } from './ask.ts';
import type { NetworkView } from './plane.ts';

export const byAddress = (a: Peer, b: Peer): number => {
  const [left, right] = [toNumber(a.ip), toNumber(b.ip)];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** Ordered by address, without the server. */
export const peerChoices = ({ peers }: NetworkView, passes: (peer: Peer) => boolean): Choice<string>[] =>
  peers
    .filter((peer) => peer.id !== SERVER_PEER && passes(peer))
    .sort(byAddress)
    .map(({ name, ip }) => ({ name: `${name} (${ip})`, value: name }));
