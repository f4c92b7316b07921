/** Who can reach whom, what may be begun, and how two states of a network differ in that. */
import { type CidrId, SERVER_PEER } from '../values/id.ts';
import { openings } from './limits.ts';
import type { Network } from './network.ts';
import type { Opens } from './opens-text.ts';
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

type Pairs = { peers: Peer[]; others: Peer[]; pairs: number };

/** Each of `peers` with each of `others`; a peer is no pair with itself. `opens`: by `peers`, and by `others`. */
export type ReachGroup = Pairs & { opens?: Opens };

/** Pairs that reach each other in both states, with other limits. */
export type TurnedGroup = Pairs & { before?: Opens; after?: Opens };

export type ReachDifference = { gained: ReachGroup[]; lost: ReachGroup[]; turned: TurnedGroup[] };

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
  readonly #opens = new Map<string, Opens>();

  constructor(network: Network, which: 0 | 1) {
    this.#network = network;
    this.#which = which;
  }

  isMutual(left: Class, right: Class): boolean {
    return left.isServer || right.isServer || (this.#shows(left, right) && this.#shows(right, left));
  }

  /** Of a pair that is mutual. */
  opensOf(left: Class, right: Class): Opens {
    if (!this.#network.isAnythingLimited || left.isServer || right.isServer) return undefined;
    const key = `${left.cidrId} ${right.cidrId}`;
    if (!this.#opens.has(key)) this.#opens.set(key, this.#opensBetween(left.cidrId, right.cidrId));
    return this.#opens.get(key);
  }

  #opensBetween(left: CidrId, right: CidrId): Opens {
    const sights = [this.#sightsFrom(left).get(right), this.#sightsFrom(right).get(left)];
    if (!sights.includes('limited')) return undefined;
    const [out, back] = [openings(this.#network, left, right), openings(this.#network, right, left)];
    return Array.isArray(out) && Array.isArray(back) ? [out, back] : undefined;
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

/** Who is met, apart by what may be begun with them. */
class Met {
  readonly #byOpens = new Map<string, { opens: Opens; others: Peer[]; isOwn: boolean }>();

  add(opens: Opens, others: readonly Peer[]): void {
    this.#of(opens).others.push(...others);
  }

  /** They also meet each other. */
  addOwn(opens: Opens): void {
    this.#of(opens).isOwn = true;
  }

  groups(peers: Peer[]): ReachGroup[] {
    return [...this.#byOpens.values()].flatMap(({ opens, others, isOwn }) => {
      const own = isOwn ? (peers.length * (peers.length - 1)) / 2 : 0;
      const pairs = peers.length * others.length + own;
      if (pairs === 0) return [];
      const met = own === 0 ? others : others.length === 0 ? peers : [...peers, ...others];
      return [{ peers, others: met, pairs, ...(opens && { opens }) }];
    });
  }

  #of(opens: Opens): { opens: Opens; others: Peer[]; isOwn: boolean } {
    const key = JSON.stringify(opens) ?? '';
    const known = this.#byOpens.get(key) ?? { opens, others: [], isOwn: false };
    this.#byOpens.set(key, known);
    return known;
  }
}

/** Reach in `to` but not in `from`; each pair is in one group. */
const gained = (classes: readonly Members[], before: Reach, after: Reach): ReachGroup[] => {
  const groups: ReachGroup[] = [];
  for (const [at, { of: left, came, stayed }] of classes.entries()) {
    const [metByNew, metByOld] = [new Met(), new Met()];
    for (const [index, { of: right, ...other }] of classes.entries()) {
      if (!after.isMutual(left, right)) continue;
      const opens = after.opensOf(left, right);
      metByNew.add(opens, other.stayed);
      if (index > at) metByNew.add(opens, other.came);
      if (index > at && !before.isMutual(left, right)) metByOld.add(opens, other.stayed);
    }
    if (after.isMutual(left, left)) {
      const opens = after.opensOf(left, left);
      metByNew.addOwn(opens);
      if (!before.isMutual(left, left)) metByOld.addOwn(opens);
    }
    groups.push(...metByNew.groups(came), ...metByOld.groups(stayed));
  }
  return groups;
};

/** In reach before and after, with other limits; each pair is in one group. */
const turned = (classes: readonly Members[], before: Reach, after: Reach): TurnedGroup[] => {
  const groups: TurnedGroup[] = [];
  for (const [at, { of: left, stayed: peers }] of classes.entries())
    for (const { of: right, stayed: others } of classes.slice(at)) {
      const isOwn = left === right;
      const pairs = isOwn ? (peers.length * (peers.length - 1)) / 2 : peers.length * others.length;
      if (pairs === 0 || !before.isMutual(left, right) || !after.isMutual(left, right)) continue;
      const [was, is] = [before.opensOf(left, right), after.opensOf(left, right)];
      if (JSON.stringify(was) === JSON.stringify(is)) continue;
      groups.push({ peers, others, pairs, ...(was && { before: was }), ...(is && { after: is }) });
    }
  return groups;
};

/** Costs one look at each peer. */
export const reachDifference = (before: Network, after: Network): ReachDifference => {
  const forth = [membersByClass(before, after), new Reach(before, 0), new Reach(after, 1)] as const;
  const back = [membersByClass(after, before), new Reach(after, 0), new Reach(before, 1)] as const;
  const isLimited = before.isAnythingLimited || after.isAnythingLimited;
  return { gained: gained(...forth), lost: gained(...back), turned: isLimited ? turned(...forth) : [] };
};
