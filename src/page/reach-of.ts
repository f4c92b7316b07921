/** Who may talk with a peer, or with the peers of a CIDR or of an association. */

import { subtree } from '../domain/lineage.ts';
import type { Network } from '../domain/network.ts';
import type { Peer } from '../domain/peer.ts';
import { mayBeShown } from '../domain/reach.ts';
import { appears, visibleCidrs } from '../domain/visibility.ts';
import { type CidrId, type PeerId, SERVER_PEER } from '../values/id.ts';
import type { Shown, Thing } from './page.ts';

const reachOfPeer = (network: Network, peer: Peer): Set<PeerId> => {
  const reached = new Set<PeerId>();
  if (!appears(peer)) return reached;
  const isServer = peer.id === SERVER_PEER;
  const cidrs = isServer ? [...network.cidrs()].map(({ id }) => id) : visibleCidrs(network, peer.cidrId);
  for (const cidr of cidrs) {
    for (const other of network.peersIn(cidr))
      if (other.id !== peer.id && appears(other) && mayBeShown(network, other, peer)) reached.add(other.id);
  }
  return reached;
};

/** Peers of a CIDR see the same, so one speaks for all. */
const reachOfCidr = (network: Network, top: CidrId): Set<PeerId> => {
  const reached = new Set<PeerId>();
  for (const cidr of subtree(network, top)) {
    const members = [...network.peersIn(cidr)].filter(appears);
    const [first] = members;
    if (!first) continue;
    for (const id of reachOfPeer(network, first)) reached.add(id);
    if (members.length > 1) reached.add(first.id);
  }
  return reached;
};

/** The thing itself is left out, a CIDR's own peers are not. */
export const reachOf = ({ network }: Shown, thing: Thing): ReadonlySet<PeerId> => {
  if (thing.kind === 'cidr') return reachOfCidr(network, thing.id);
  if (thing.kind === 'association') {
    const ends = network.association(thing.id)?.cidrIds ?? [];
    return new Set(ends.flatMap((id) => [...subtree(network, id)].flatMap((each) => idsIn(network, each))));
  }
  const peer = network.peer(thing.id);
  return peer ? reachOfPeer(network, peer) : new Set();
};

const idsIn = (network: Network, cidr: CidrId): PeerId[] =>
  [...network.peersIn(cidr)].filter(appears).map(({ id }) => id);
