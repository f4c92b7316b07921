/**
 * Who may see whom. Peers see those of their CIDR, unless it is isolated, and of its descendants, of the server's
 * CIDR, and of every CIDR (with descendants) associated with the CIDR or an ancestor. Where every association
 * between them is limited, they see each other only if both keep to it.
 */
import { type CidrId, SERVER_CIDR } from '../values/id.ts';
import { joining } from './limits.ts';
import { lineage, subtree } from './lineage.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';
import { enforces, type View } from './views.ts';

/** Joined and enabled; a temporary key is never shown. */
export const appears = (peer: Peer | undefined): peer is Peer =>
  peer?.isRedeemed === true && !peer.isDisabled;

/** A plain peer, such as a phone, only through a program that sends to its router. */
export const isShown = ({ word }: View, peer: Peer | undefined): peer is Peer =>
  appears(peer) && (!isPlain(peer) || word !== 'old');

/** How peers of one CIDR see the own peers of another. `limited`: if both keep to limits. */
export type Sight = 'none' | 'limited' | 'whole';

const isLimited = (network: Network, left: CidrId, right: CidrId): boolean =>
  network.associationBetween(left, right)?.allow !== undefined;

const note = (sights: Map<CidrId, Sight>, id: CidrId, sight: Sight): void => {
  if (sights.get(id) !== 'whole') sights.set(id, sight);
};

/** By associations with this CIDR or with one around it, with all that is in the other. */
const noteAssociated = (network: Network, line: Iterable<CidrId>, sights: Map<CidrId, Sight>): void => {
  for (const ancestor of line)
    for (const partner of network.associatedWith(ancestor)) {
      const sight = isLimited(network, ancestor, partner) ? 'limited' : 'whole';
      if (sights.get(partner) === 'whole') continue;
      for (const id of subtree(network, partner)) note(sights, id, sight);
    }
};

/** An isolated CIDR sees its own peers by associations alone. */
const isIsolated = (network: Network, id: CidrId): boolean => network.cidr(id)?.isIsolated === true;

/** CIDRs whose own peers a peer of this CIDR sees. */
export const sightsFrom = (network: Network, viewer: CidrId): Map<CidrId, Sight> => {
  const sights = new Map<CidrId, Sight>();
  noteAssociated(network, lineage(network, viewer), sights);
  for (const id of subtree(network, SERVER_CIDR)) note(sights, id, 'whole');
  for (const id of subtree(network, viewer))
    if (id !== viewer || !isIsolated(network, viewer)) note(sights, id, 'whole');
  return sights;
};

export const visibleCidrs = (network: Network, viewer: CidrId): Set<CidrId> =>
  new Set(sightsFrom(network, viewer).keys());

/** The inverse of `sightsFrom`. */
export const viewersOf = (network: Network, cidr: CidrId): Map<CidrId, Sight> => {
  const ancestors = [...lineage(network, cidr)];
  if (ancestors.includes(SERVER_CIDR))
    return new Map(Array.from(network.cidrs(), ({ id }): [CidrId, Sight] => [id, 'whole']));
  const viewers = new Map<CidrId, Sight>();
  noteAssociated(network, ancestors, viewers);
  for (const id of ancestors) if (id !== cidr || !isIsolated(network, cidr)) note(viewers, id, 'whole');
  return viewers;
};

export const sightOf = (network: Network, viewer: CidrId, cidr: CidrId): Sight => {
  const ancestors = new Set(lineage(network, cidr));
  if (ancestors.has(SERVER_CIDR)) return 'whole';
  if (ancestors.has(viewer) && (viewer !== cidr || !isIsolated(network, cidr))) return 'whole';
  let sight: Sight = 'none';
  for (const [, { allow }] of joining(network, viewer, cidr)) {
    if (allow === undefined) return 'whole';
    sight = 'limited';
  }
  return sight;
};

/** Whether a view shows a peer that `sight` leads to. `keeps`: the peer, or its router, keeps to limits. */
export const isKnown = (
  view: View,
  sight: Sight,
  { id, keeps }: { id: Peer['id']; keeps: boolean },
): boolean =>
  id === view.self || sight === 'whole' || (sight === 'limited' && view.word === 'limits' && keeps);

const shownBy = (network: Network, view: View, sight: Sight, peer: Peer): boolean =>
  isShown(view, peer) && isKnown(view, sight, { id: peer.id, keeps: enforces(network, peer) });

/** Whether a view shows a peer, sights of CIDRs looked up once. */
export const shownTo = (network: Network, view: View): ((peer: Peer | undefined) => peer is Peer) => {
  const known = new Map<CidrId, Sight>();
  return (peer): peer is Peer => {
    if (peer === undefined) return false;
    const sight = known.get(peer.cidrId) ?? sightOf(network, view.cidrId, peer.cidrId);
    known.set(peer.cidrId, sight);
    return shownBy(network, view, sight, peer);
  };
};

/** Includes the viewer itself if it appears. */
export function* visiblePeers(network: Network, view: View): Generator<Peer> {
  const sights = sightsFrom(network, view.cidrId);
  const self = view.self === undefined ? undefined : network.peer(view.self);
  if (self && !sights.has(view.cidrId) && isShown(view, self)) yield self;
  for (const [id, sight] of sights)
    for (const peer of network.peersIn(id)) if (shownBy(network, view, sight, peer)) yield peer;
}
