/** A commit's changes: rows before and after, routes, and sight gained or lost; for each view what it is told of them. */
import type { NetworkEvent } from '../events/schema.ts';
import { subjectOf } from '../events/subject.ts';
import type { CidrId, PeerId, Position, RouteId } from '../values/id.ts';
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import { type Limit, limitOf, limitsFrom } from './limits.ts';
import { lineage, subtree } from './lineage.ts';
import type { Network } from './network.ts';
import { looksSame, type Peer } from './peer.ts';
import type { Route } from './route-table.ts';
import { isNamedBy, routeShownTo, type ShownRoute } from './routes.ts';
import {
  enforces,
  type View,
  type ViewKey,
  viewKey,
  viewOf,
  viewsIn,
  WORDS,
  type Word,
  wordOf,
} from './views.ts';
import { isKnown, isShown, type Sight, sightOf, viewersOf } from './visibility.ts';

/** Undefined: absent. */
export type Change<Row> = { before: Row | undefined; after: Row | undefined };

/** How peers of `viewer` see those of `cidr`, and what is limited between them. */
type SightThen = { viewer: CidrId; cidr: CidrId; sight: Sight; limit: Limit | undefined };

export type SightChange = { viewer: CidrId; cidr: CidrId; before: Sight; after: Sight; limit: Change<Limit> };

/** A route as a view was shown it; undefined: it was not open to that. */
type RouteThen = { view: View; id: RouteId; row: ShownRoute | undefined };

export type Changes = {
  peers: Map<PeerId, Change<Peer>>;
  cidrs: Map<CidrId, Change<CidrNode>>;
  sight: SightChange[];
  /** Routes that may be shown otherwise now, with each view that they concern. */
  routes: ReadonlyMap<string, RouteThen>;
  /** Of the changed peers, those that kept to limits before. */
  kept: ReadonlySet<PeerId>;
};

export type Told = {
  changed: Peer[];
  removed: PeerId[];
  /** Of the changed ones, those that were not shown before. */
  fresh: ReadonlySet<PeerId>;
  limits: { changed: Limit[]; removed: CidrId[] };
  routes: { changed: ShownRoute[]; removed: RouteId[] };
};

export type ClassDelta = Told & { viewers: ViewKey[] };

class Before {
  readonly peers = new Map<PeerId, Peer | undefined>();
  readonly cidrs = new Map<CidrId, CidrNode | undefined>();
  readonly kept = new Set<PeerId>();
  readonly sight = new Map<string, SightThen>();
  readonly routes = new Map<string, RouteThen>();

  note(network: Network, event: NetworkEvent): void {
    const about = subjectOf(event);
    if (about?.kind === 'peer') this.#notePeer(network, about.id);
    if (about?.kind === 'cidr') this.#noteCidr(network, about.id);
    if (about?.kind === 'route') {
      const route = network.route(about.id);
      if (route) this.#noteRoute(network, route, event.type === 'RouteOpened' ? [event.cidrId] : []);
    }
    if (about?.kind === 'association')
      this.#noteSight(network, 'cidrIds' in event ? event.cidrIds : network.association(about.id)?.cidrIds);
    switch (event.type) {
      case 'CidrDeleted':
        this.#noteViewers(network, event.cidrId);
        break;
      case 'PeerAdded':
        this.#noteCarried(network, { id: event.peerId, cidrId: event.cidrId });
        break;
      case 'CidrAdded':
        this.#noteNewcomer(network, event);
        break;
      case 'CidrIsolated':
      case 'CidrUnisolated':
        // Its peers have other views from here on: what they were shown is noted under the present ones.
        for (const route of network.routes()) this.#noteRouteTo(network, route, event.cidrId);
        this.#noteOneWay(network, event.cidrId, event.cidrId);
        break;
      case 'PeerEnforces':
        this.#notePhonesOf(network, event.peerId);
    }
  }

  #notePeer(network: Network, id: PeerId): void {
    const peer = network.peer(id);
    if (peer) this.#noteCarried(network, peer);
    if (this.peers.has(id)) return;
    this.peers.set(id, peer);
    if (peer && enforces(network, peer)) this.kept.add(id);
  }

  #noteCidr(network: Network, id: CidrId): void {
    if (!this.cidrs.has(id)) this.cidrs.set(id, network.cidr(id));
  }

  /** Their router keeps to limits in their place. */
  #notePhonesOf(network: Network, router: PeerId): void {
    for (const phone of network.plainPeers()) if (phone.via === router) this.#notePeer(network, phone.id);
  }

  /** A deleted CIDR has no viewers to ask later, and its peers may go in the same commit. */
  #noteViewers(network: Network, cidr: CidrId): void {
    for (const viewer of viewersOf(network, cidr).keys()) this.#noteOneWay(network, viewer, cidr);
  }

  /** It is limited as the CIDR around it, before it holds peers. */
  #noteNewcomer(network: Network, { cidrId, parentId }: { cidrId: CidrId; parentId: CidrId | null }): void {
    if (parentId === null || !network.isAnythingLimited) return;
    for (const { id } of network.cidrs())
      if (limitOf(network, id, parentId)) {
        this.#noteOneWay(network, id, cidrId);
        this.#noteOneWay(network, cidrId, id);
      }
  }

  #noteSight(network: Network, pair: Association['cidrIds'] | undefined): void {
    if (!pair) return;
    const [left, right] = pair;
    const rights = [...subtree(network, right)];
    for (const a of subtree(network, left)) {
      for (const b of rights) {
        this.#noteOneWay(network, a, b);
        this.#noteOneWay(network, b, a);
      }
    }
  }

  /** Routes of which the peer may be a router, as it may be by its CIDR from its first day on. */
  #noteCarried(network: Network, peer: Pick<Peer, 'id' | 'cidrId'>): void {
    for (const route of network.routes())
      if (isNamedBy(network, route, peer)) this.#noteRoute(network, route);
  }

  /** For all who may use it, and for those to whom it is about to be opened. */
  #noteRoute(network: Network, route: Route, opened: readonly CidrId[] = []): void {
    for (const top of [...route.openTo, ...opened])
      for (const cidrId of subtree(network, top)) this.#noteRouteTo(network, route, cidrId);
  }

  #noteRouteTo(network: Network, route: Route, cidrId: CidrId): void {
    for (const view of viewsIn(network, cidrId)) {
      const key = routeKey(route.id, view);
      if (this.routes.has(key)) continue;
      this.routes.set(key, { view, id: route.id, row: routeShownTo(network, view)(route) });
    }
  }

  #noteOneWay(network: Network, viewer: CidrId, cidr: CidrId): void {
    const key = `${viewer} ${cidr}`;
    if (this.sight.has(key)) return;
    for (const route of network.routes())
      if (routersIn(network, route, cidr)) this.#noteRouteTo(network, route, viewer);
    const sight = sightOf(network, viewer, cidr);
    this.sight.set(key, { viewer, cidr, sight, limit: limitNow(network, viewer, cidr) });
  }
}

const routeKey = (id: RouteId, view: View): string => `${id} ${viewKey(view)}`;

/** Whether peers of the CIDR may be routers of it. */
const routersIn = (network: Network, { routers }: Route, cidr: CidrId): boolean => {
  const around = new Set(lineage(network, cidr));
  return routers.some(({ peerId, cidrId }) =>
    peerId === undefined ? cidrId !== undefined && around.has(cidrId) : network.peer(peerId)?.cidrId === cidr,
  );
};

const limitNow = (network: Network, viewer: CidrId, cidr: CidrId): Limit | undefined =>
  network.isAnythingLimited ? limitOf(network, viewer, cidr) : undefined;

const sightChange = (network: Network, { viewer, cidr, sight, limit }: SightThen): SightChange => ({
  viewer,
  cidr,
  before: sight,
  after: sightOf(network, viewer, cidr),
  limit: { before: limit, after: limitNow(network, viewer, cidr) },
});

const isSame = ({ before, after, limit }: SightChange): boolean =>
  before === after && JSON.stringify(limit.before) === JSON.stringify(limit.after);

/** Takes a whole commit into the network and tells what it changed. */
export const advanceWithChanges = (
  network: Network,
  events: Iterable<NetworkEvent>,
  to: Position,
): Changes => {
  const before = new Before();
  for (const event of events) {
    before.note(network, event);
    network.evolve(event);
  }
  network.position = to;
  const sight = Array.from(before.sight.values(), (then) => sightChange(network, then));
  return {
    peers: new Map([...before.peers].map(([id, row]) => [id, { before: row, after: network.peer(id) }])),
    cidrs: new Map([...before.cidrs].map(([id, row]) => [id, { before: row, after: network.cidr(id) }])),
    sight: sight.filter((change) => !isSame(change)),
    routes: before.routes,
    kept: before.kept,
  };
};

/** A view before and after; mostly the same. */
type Turn = { from: View; to: View };

const unturned = (view: View): Turn => ({ from: view, to: view });

type Draft = {
  changed: Map<PeerId, Peer>;
  removed: Set<PeerId>;
  fresh: Set<PeerId>;
  limits: Told['limits'];
  routes: Told['routes'];
};

const newDraft = (): Draft => ({
  changed: new Map(),
  removed: new Set(),
  fresh: new Set(),
  limits: { changed: [], removed: [] },
  routes: { changed: [], removed: [] },
});

/** The compiler of what views are told; `network` is the state after. */
class Drafts {
  readonly #network: Network;
  readonly #changes: Changes;
  readonly #drafts = new Map<string, { turn: Turn; draft: Draft }>();

  constructor(network: Network, changes: Changes) {
    this.#network = network;
    this.#changes = changes;
  }

  /** What a turn is told of one peer, which `sight` leads to. */
  tell(turn: Turn, { before, after }: Change<Peer>, sight: { before: Sight; after: Sight }): void {
    const id = (after ?? before)?.id;
    if (id === undefined) return;
    const keptBefore = this.#changes.peers.has(id)
      ? this.#changes.kept.has(id)
      : after !== undefined && enforces(this.#network, after);
    const keeps = after !== undefined && enforces(this.#network, after);
    const had = isShown(turn.from, before) && isKnown(turn.from, sight.before, { id, keeps: keptBefore });
    const has = isShown(turn.to, after) && isKnown(turn.to, sight.after, { id, keeps });
    if (had && !has) this.of(turn).removed.add(id);
    if (!has || (had && looksSame(before, after))) return;
    this.of(turn).changed.set(id, after);
    if (!had) this.of(turn).fresh.add(id);
  }

  limit(turn: Turn, cidr: CidrId, { before, after }: Change<Limit>): void {
    if (after) this.of(turn).limits.changed.push(after);
    else if (before) this.of(turn).limits.removed.push(cidr);
  }

  route(turn: Turn, id: RouteId, { before, after }: Change<ShownRoute>): void {
    if (!after) {
      if (before) this.of(turn).routes.removed.push(id);
    } else if (JSON.stringify(before) !== JSON.stringify(after)) this.of(turn).routes.changed.push(after);
  }

  of(turn: Turn): Draft {
    const key = turnKey(turn);
    const known = this.#drafts.get(key);
    if (known) return known.draft;
    const draft = newDraft();
    this.#drafts.set(key, { turn, draft });
    return draft;
  }

  all(): Iterable<{ turn: Turn; draft: Draft }> {
    return this.#drafts.values();
  }
}

const turnKey = ({ from, to }: Turn): string => `${viewKey(from)}>${viewKey(to)}`;

const toldBy = ({ changed, removed, fresh, limits, routes }: Draft): Told => ({
  changed: [...changed.values()],
  removed: [...removed],
  fresh,
  limits,
  routes,
});

const sameKey = ({ changed, removed, fresh, limits, routes }: Draft): string => {
  const limited = limits.changed.length + limits.removed.length > 0 ? JSON.stringify(limits) : '';
  const routed = routes.changed.length + routes.removed.length > 0 ? JSON.stringify(routes) : '';
  return `${[...changed.keys()].join()} ${[...removed].join()} ${[...fresh].join()} ${limited} ${routed}`;
};

/** Views share equal deltas; deleted CIDRs have no peers to tell. */
const grouped = (network: Network, drafts: Drafts): ClassDelta[] => {
  const groups = new Map<string, ClassDelta>();
  for (const { turn, draft } of drafts.all()) {
    if (network.cidr(turn.to.cidrId) === undefined) continue;
    const key = sameKey(draft);
    const viewer = viewKey(turn.to);
    const group = groups.get(key);
    if (group) group.viewers.push(viewer);
    else groups.set(key, { viewers: [viewer], ...toldBy(draft) });
  }
  return [...groups.values()];
};

/** Of the viewers of a peer's CIDR, before and after. */
const sightsOf = (
  network: Network,
  changes: Changes,
  cidr: CidrId,
): Map<CidrId, { before: Sight; after: Sight }> => {
  const sights = new Map<CidrId, { before: Sight; after: Sight }>();
  for (const [viewer, sight] of viewersOf(network, cidr)) sights.set(viewer, { before: sight, after: sight });
  for (const { viewer, before, after, ...of } of changes.sight)
    if (of.cidr === cidr) sights.set(viewer, { before, after });
  if (network.cidr(cidr)?.isIsolated && !sights.has(cidr))
    sights.set(cidr, { before: 'none', after: 'none' });
  return sights;
};

const draftPeer = (drafts: Drafts, network: Network, changes: Changes, change: Change<Peer>): void => {
  const cidrId = (change.after ?? change.before)?.cidrId;
  if (cidrId === undefined) return;
  for (const [viewer, sight] of sightsOf(network, changes, cidrId))
    for (const view of viewsIn(network, viewer)) drafts.tell(unturned(view), change, sight);
};

const unchanged = (peer: Peer): Change<Peer> => ({ before: peer, after: peer });

const draftSight = (drafts: Drafts, network: Network, changes: Changes): void => {
  for (const { viewer, cidr, limit, ...sight } of changes.sight)
    for (const view of viewsIn(network, viewer)) {
      const turn = unturned(view);
      if (view.word === 'limits') drafts.limit(turn, cidr, limit);
      if (sight.before === sight.after) continue;
      for (const peer of network.peersIn(cidr))
        if (!changes.peers.has(peer.id)) drafts.tell(turn, unchanged(peer), sight);
    }
};

/** Views of peers that are isolated now, or no longer, are told as moves. */
const draftRoutes = (drafts: Drafts, network: Network, changes: Changes): void => {
  for (const { view, id, row } of changes.routes.values()) {
    const node = network.cidr(view.cidrId);
    if (node && (node.isIsolated === true) === (view.self !== undefined))
      drafts.route(unturned(view), id, { before: row, after: routeNow(network, view, id) });
  }
};

const routeNow = (network: Network, view: View, id: RouteId): ShownRoute | undefined => {
  const route = network.route(id);
  return route && routeShownTo(network, view)(route);
};

/** The commit as each view is told it; `network` is the state after. CIDR rows concern everybody. */
export const classDeltas = (network: Network, changes: Changes): ClassDelta[] => {
  const drafts = new Drafts(network, changes);
  for (const change of changes.peers.values()) draftPeer(drafts, network, changes, change);
  draftSight(drafts, network, changes);
  draftRoutes(drafts, network, changes);
  return grouped(network, drafts);
};

/** Peers whose view is another one after a commit, and what they are told instead, by both keys. */
export type Moves = {
  readonly peers: ReadonlySet<PeerId>;
  told: (from: ViewKey, to: ViewKey) => Told | undefined;
};

const NOBODY: Moves = { peers: new Set(), told: () => undefined };

/** Their program said another word, or their CIDR was isolated or is no longer. */
const movers = function* (network: Network, changes: Changes): Generator<Peer> {
  for (const { before, after } of changes.peers.values())
    if (before && after && before.limits !== after.limits) yield after;
  for (const { before, after } of changes.cidrs.values())
    if (before && after && before.isIsolated !== after.isIsolated) yield* network.peersIn(after.id);
};

const viewBefore = (changes: Changes, peer: Peer, view: View, word: Word): View => {
  const { before } = changes.peers.get(peer.id) ?? { before: peer };
  const known = before ? wordOf(before, word) : 'old';
  const node = changes.cidrs.get(peer.cidrId);
  const wasIsolated = node ? node.before?.isIsolated : view.self !== undefined;
  return { cidrId: peer.cidrId, word: known, ...(wasIsolated ? { self: peer.id } : {}) };
};

/** CIDRs whose own peers a turned view may see otherwise than before. */
const concernedCidrs = (network: Network, changes: Changes, { from, to }: Turn): Set<CidrId> => {
  const { cidrId: viewer } = to;
  const cidrs = new Set<CidrId>();
  for (const change of changes.sight) if (change.viewer === viewer) cidrs.add(change.cidr);
  if (from.word !== to.word)
    for (const { id } of network.cidrs()) if (sightOf(network, viewer, id) === 'limited') cidrs.add(id);
  if ((from.word === 'old') !== (to.word === 'old'))
    for (const { cidrId } of network.plainPeers()) cidrs.add(cidrId);
  if (from.self !== to.self) cidrs.add(viewer);
  return cidrs;
};

const tellTurn = (drafts: Drafts, network: Network, changes: Changes, turn: Turn): void => {
  const { cidrId: viewer } = turn.to;
  const changed = new Map(
    changes.sight.filter((change) => change.viewer === viewer).map((change) => [change.cidr, change]),
  );
  const sightTo = (cidr: CidrId): { before: Sight; after: Sight } => {
    const change = changed.get(cidr);
    if (change) return change;
    const sight = sightOf(network, viewer, cidr);
    return { before: sight, after: sight };
  };
  for (const change of changes.peers.values()) {
    const home = (change.after ?? change.before)?.cidrId;
    if (home !== undefined) drafts.tell(turn, change, sightTo(home));
  }
  for (const cidr of concernedCidrs(network, changes, turn))
    for (const peer of network.peersIn(cidr))
      if (!changes.peers.has(peer.id)) drafts.tell(turn, unchanged(peer), sightTo(cidr));
  tellLimits(drafts, network, turn, [...changed.values()]);
  tellRoutes(drafts, network, changes, turn);
};

/** What no event of the commit concerned is shown to the view before as it was. */
const tellRoutes = (drafts: Drafts, network: Network, changes: Changes, turn: Turn): void => {
  const ids = new Set(Array.from(network.routes(), ({ id }) => id));
  for (const { id, view } of changes.routes.values()) if (view.cidrId === turn.to.cidrId) ids.add(id);
  for (const id of ids) {
    const then = changes.routes.get(routeKey(id, turn.from));
    const wasNoted = turn.from.self !== turn.to.self;
    const before = then || wasNoted ? then?.row : routeNow(network, turn.from, id);
    drafts.route(turn, id, { before, after: routeNow(network, turn.to, id) });
  }
};

const tellLimits = (drafts: Drafts, network: Network, turn: Turn, changed: readonly SightChange[]): void => {
  const [had, has] = [turn.from.word === 'limits', turn.to.word === 'limits'];
  if (had && has) for (const { cidr, limit } of changed) drafts.limit(turn, cidr, limit);
  if (!had && has)
    for (const limit of limitsFrom(network, turn.to.cidrId))
      drafts.limit(turn, limit.cidrId, { before: undefined, after: limit });
  if (!had || has) return;
  const gone = new Set(limitsFrom(network, turn.to.cidrId).map(({ cidrId }) => cidrId));
  for (const { cidr, limit } of changed) if (limit.before) gone.add(cidr);
  for (const cidr of gone) drafts.of(turn).limits.removed.push(cidr);
};

/** `network` is the state after. */
export const movesOf = (network: Network, changes: Changes): Moves => {
  const peers = new Set<PeerId>();
  const turns = new Map<string, Turn>();
  for (const peer of movers(network, changes))
    for (const word of WORDS) {
      const to = viewOf(network, peer, word);
      const turn = { from: viewBefore(changes, peer, to, word), to };
      const key = turnKey(turn);
      if (viewKey(turn.from) === viewKey(to)) continue;
      peers.add(peer.id);
      turns.set(key, turn);
    }
  if (peers.size === 0) return NOBODY;
  const drafts = new Drafts(network, changes);
  const told = (from: ViewKey, to: ViewKey): Told | undefined => {
    const turn = turns.get(`${from}>${to}`);
    return turn && toldBy(draftOf(turn));
  };
  const done = new Set<string>();
  const draftOf = (turn: Turn): Draft => {
    if (!done.has(turnKey(turn))) tellTurn(drafts, network, changes, turn);
    done.add(turnKey(turn));
    return drafts.of(turn);
  };
  return { peers, told };
};
