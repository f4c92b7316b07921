/** Who can reach whom, and how two states of a network differ in that. */
import { type CidrId, SERVER_PEER } from '../values/id.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';
import { enforces } from './views.ts';
import { appears, type Sight, sightOf, sightsFrom } from './visibility.ts';

/** Through their routers: an older program would try to meet them. */
export const sendsToPhones = (peer: Peer): boolean => isPlain(peer) || peer.limits !== undefined;

/** The server sees everybody, and a limited pair each other only if both keep to it. */
export const mayBeShown = (network: Network, viewer: Peer, seen: Peer): boolean => {
  if (viewer.id === SERVER_PEER || seen.id === SERVER_PEER) return true;
  if (isPlain(seen) && !sendsToPhones(viewer)) return false;
  const sight = sightOf(network, viewer.cidrId, seen.cidrId);
  return sight === 'whole' || (sight === 'limited' && enforces(network, viewer) && enforces(network, seen));
};

/** Both joined and enabled, and each sees the other. */
export const canReach = (network: Network, one: Peer | undefined, other: Peer | undefined): boolean =>
  appears(one) && appears(other) && mayBeShown(network, one, other) && mayBeShown(network, other, one);

/** Each of `peers` with each of `others`; a peer is no pair with itself. */
export type ReachGroup = { peers: Peer[]; others: Peer[]; pairs: number };

export type ReachDifference = { gained: ReachGroup[]; lost: ReachGroup[] };

/** Peers of a CIDR that keep to limits in the same way have the same sight; only the server differs. */
type Class = {
  readonly cidrId: CidrId;
  readonly isServer: boolean;
  /** In the first of two networks, and in the second. */
  readonly keeps: readonly [boolean, boolean];
  readonly isPlain: boolean;
  /** The same two. */
  readonly sends: readonly [boolean, boolean];
};

class Reach {
  readonly #network: Network;
  readonly #which: 0 | 1;
  readonly #sights = new Map<CidrId, Map<CidrId, Sight>>();

  constructor(network: Network, which: 0 | 1) {
    this.#network = network;
    this.#which = which;
  }

  isMutual(left: Class, right: Class): boolean {
    return left.isServer || right.isServer || (this.#shows(left, right) && this.#shows(right, left));
  }

  #shows(viewer: Class, seen: Class): boolean {
    if (seen.isPlain && !viewer.sends[this.#which]) return false;
    const sight = this.#sightsFrom(viewer.cidrId).get(seen.cidrId);
    return sight === 'whole' || (sight === 'limited' && this.#keeps(viewer) && this.#keeps(seen));
  }

  #keeps({ keeps }: Class): boolean {
    return keeps[this.#which];
  }

  #sightsFrom(viewer: CidrId): Map<CidrId, Sight> {
    const known = this.#sights.get(viewer) ?? sightsFrom(this.#network, viewer);
    this.#sights.set(viewer, known);
    return known;
  }
}

type Members = { of: Class; came: Peer[]; stayed: Peer[] };

const keepsIn = (network: Network, peer: Peer | undefined): boolean =>
  network.isAnythingLimited && peer !== undefined && enforces(network, peer);

const sendsIn = (network: Network, peer: Peer | undefined): boolean =>
  network.hasPlainPeers && peer !== undefined && sendsToPhones(peer);

const membersByClass = (from: Network, to: Network): Members[] => {
  const classes = new Map<string, Members>();
  for (const peer of to.peers()) {
    if (!appears(peer)) continue;
    const earlier = from.peer(peer.id);
    const keeps = [keepsIn(from, earlier), keepsIn(to, peer)] as const;
    const sends = [sendsIn(from, earlier), sendsIn(to, peer)] as const;
    const facts = { isServer: peer.id === SERVER_PEER, isPlain: isPlain(peer) };
    const of: Class = { cidrId: peer.cidrId, ...facts, keeps, sends };
    const key = JSON.stringify(of);
    const members = classes.get(key) ?? { of, came: [], stayed: [] };
    classes.set(key, members);
    (appears(earlier) ? members.stayed : members.came).push(peer);
  }
  return [...classes.values()];
};

/** Reach in `to` but not in `from`; each pair is in one group. */
const gained = (from: Network, to: Network): ReachGroup[] => {
  const [before, after] = [new Reach(from, 0), new Reach(to, 1)];
  const classes = membersByClass(from, to);
  const groups: ReachGroup[] = [];
  for (const [at, { of: left, came, stayed }] of classes.entries()) {
    const metByNew: Peer[] = [];
    const metByOld: Peer[] = [];
    for (const [index, { of: right, ...other }] of classes.entries()) {
      if (!after.isMutual(left, right)) continue;
      metByNew.push(...other.stayed);
      if (index > at) metByNew.push(...other.came);
      if (index > at && !before.isMutual(left, right)) metByOld.push(...other.stayed);
    }
    const isOwn = after.isMutual(left, left);
    groups.push(...newcomers(came, metByNew, isOwn));
    if (stayed.length > 0 && metByOld.length > 0)
      groups.push({ peers: stayed, others: metByOld, pairs: stayed.length * metByOld.length });
    if (isOwn && !before.isMutual(left, left)) groups.push(...among(stayed));
  }
  return groups;
};

/** Each with each. */
const among = (peers: Peer[]): ReachGroup[] => {
  const pairs = (peers.length * (peers.length - 1)) / 2;
  return pairs === 0 ? [] : [{ peers, others: peers, pairs }];
};

/** `isOwn`: they also meet each other. */
const newcomers = (came: Peer[], met: Peer[], isOwn: boolean): ReachGroup[] => {
  const own = isOwn ? (came.length * (came.length - 1)) / 2 : 0;
  const pairs = came.length * met.length + own;
  if (pairs === 0) return [];
  return [{ peers: came, others: own > 0 ? [...came, ...met] : met, pairs }];
};

/** Costs one look at each peer. */
export const reachDifference = (before: Network, after: Network): ReachDifference => ({
  gained: gained(before, after),
  lost: gained(after, before),
});
