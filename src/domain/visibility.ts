/**
 * Who may see whom. A peer's sight depends on its CIDR alone: the peers of that CIDR and its descendants, of
 * the server's CIDR, and of every CIDR (with descendants) associated with the CIDR or an ancestor.
 */
import { type CidrId, SERVER_CIDR } from '../values/id.ts';
import { lineage, subtree } from './lineage.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';

/** Joined and enabled; a temporary key is never shown. */
export const appears = (peer: Peer | undefined): peer is Peer =>
  peer?.isRedeemed === true && !peer.isDisabled;

/** A plain peer is not yet shown to other peers' programs. */
export const isShown = (peer: Peer | undefined): peer is Peer => appears(peer) && !isPlain(peer);

/** Of this CIDR, by associations that are not limited. */
function* partnersOf(network: Network, id: CidrId): Generator<CidrId> {
  for (const partner of network.associatedWith(id))
    if (network.associationBetween(id, partner)?.allow === undefined) yield partner;
}

/** CIDRs whose own peers a peer of this CIDR sees. */
export const visibleCidrs = (network: Network, viewer: CidrId): Set<CidrId> => {
  const visible = new Set<CidrId>();
  const addAll = (top: CidrId): void => {
    if (visible.has(top)) return;
    for (const id of subtree(network, top)) visible.add(id);
  };
  for (const ancestor of lineage(network, viewer)) {
    for (const partner of partnersOf(network, ancestor)) addAll(partner);
  }
  addAll(SERVER_CIDR);
  for (const id of subtree(network, viewer)) visible.add(id);
  return visible;
};

/** The inverse of `visibleCidrs`. */
export const viewersOf = (network: Network, cidr: CidrId): Set<CidrId> => {
  const ancestors = [...lineage(network, cidr)];
  if (ancestors.includes(SERVER_CIDR)) return new Set([...network.cidrs()].map(({ id }) => id));
  const viewers = new Set<CidrId>(ancestors);
  for (const ancestor of ancestors) {
    for (const partner of partnersOf(network, ancestor)) {
      for (const id of subtree(network, partner)) viewers.add(id);
    }
  }
  return viewers;
};

/** Whether a peer of `viewer` sees the own peers of `cidr`. */
export const sees = (network: Network, viewer: CidrId, cidr: CidrId): boolean => {
  const ancestors = new Set(lineage(network, cidr));
  if (ancestors.has(viewer) || ancestors.has(SERVER_CIDR)) return true;
  for (const ancestor of lineage(network, viewer)) {
    for (const partner of partnersOf(network, ancestor)) if (ancestors.has(partner)) return true;
  }
  return false;
};

/** Includes the viewer itself if it appears. */
export function* visiblePeers(network: Network, viewer: CidrId): Generator<Peer> {
  for (const id of visibleCidrs(network, viewer)) {
    for (const peer of network.peersIn(id)) if (isShown(peer)) yield peer;
  }
}
