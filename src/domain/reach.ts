/** Who can reach whom, and how two states of a network differ in that. */
import { type CidrId, SERVER_PEER } from '../values/id.ts';
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';
import { appears, sees, visibleCidrs } from './visibility.ts';

/** Decided by CIDRs; the server sees everybody. */
export const mayBeShown = (network: Network, viewer: Peer, seen: Peer): boolean =>
  viewer.id === SERVER_PEER || seen.id === SERVER_PEER || sees(network, viewer.cidrId, seen.cidrId);

/** Both joined and enabled, and each sees the other. */
export const canReach = (network: Network, one: Peer | undefined, other: Peer | undefined): boolean =>
  appears(one) && appears(other) && mayBeShown(network, one, other) && mayBeShown(network, other, one);

/** Each of `peers` with each of `others`; a peer is no pair with itself. */
export type ReachGroup = { peers: Peer[]; others: Peer[]; pairs: number };

export type ReachDifference = { gained: ReachGroup[]; lost: ReachGroup[] };

/** Peers of a CIDR have the same sight; only the server differs. */
type Class = CidrId | 'server';

const classOf = (peer: Peer): Class => (peer.id === SERVER_PEER ? 'server' : peer.cidrId);

class Sight {
  readonly #network: Network;
  readonly #visible = new Map<CidrId, Set<CidrId>>();

  constructor(network: Network) {
    this.#network = network;
  }

  isMutual(left: Class, right: Class): boolean {
    return left === right || (this.#shows(left, right) && this.#shows(right, left));
  }

  #shows(viewer: Class, seen: Class): boolean {
    if (viewer === 'server' || seen === 'server') return true;
    let visible = this.#visible.get(viewer);
    if (!visible) {
      visible = visibleCidrs(this.#network, viewer);
      this.#visible.set(viewer, visible);
    }
    return visible.has(seen);
  }
}

type Members = { came: Peer[]; stayed: Peer[] };

const membersByClass = (from: Network, to: Network): Map<Class, Members> => {
  const classes = new Map<Class, Members>();
  for (const peer of to.peers()) {
    if (!appears(peer)) continue;
    const key = classOf(peer);
    const members = classes.get(key) ?? { came: [], stayed: [] };
    classes.set(key, members);
    (appears(from.peer(peer.id)) ? members.stayed : members.came).push(peer);
  }
  return classes;
};

/** Reach in `to` but not in `from`; each pair is in one group. */
const gained = (from: Network, to: Network): ReachGroup[] => {
  const [before, after] = [new Sight(from), new Sight(to)];
  const classes = [...membersByClass(from, to)];
  const groups: ReachGroup[] = [];
  for (const [at, [left, { came, stayed }]] of classes.entries()) {
    const metByNew: Peer[] = [];
    const metByOld: Peer[] = [];
    for (const [index, [right, other]] of classes.entries()) {
      if (!after.isMutual(left, right)) continue;
      metByNew.push(...other.stayed);
      if (index > at) metByNew.push(...other.came);
      if (index > at && !before.isMutual(left, right)) metByOld.push(...other.stayed);
    }
    if (came.length > 0) groups.push(...newcomers(came, metByNew));
    if (stayed.length > 0 && metByOld.length > 0)
      groups.push({ peers: stayed, others: metByOld, pairs: stayed.length * metByOld.length });
  }
  return groups;
};

const newcomers = (came: Peer[], met: Peer[]): ReachGroup[] => {
  const among = (came.length * (came.length - 1)) / 2;
  const pairs = came.length * met.length + among;
  if (pairs === 0) return [];
  return [{ peers: came, others: among > 0 ? [...came, ...met] : met, pairs }];
};

/** Costs one look at each peer. */
export const reachDifference = (before: Network, after: Network): ReachDifference => ({
  gained: gained(before, after),
  lost: gained(after, before),
});
