/** Who may use a route, and by which routers; and what a router carries for whom. */
import { type CidrId, type PeerId, type RouteId, SERVER_PEER } from '../values/id.ts';
import { type Cidr, prefixOf } from '../values/ip.ts';
import { lineage, subtree } from './lineage.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';
import { type Route, type Router, routerAt } from './route-table.ts';
import { enforces, type View } from './views.ts';
import { appears, shownTo, sightOf } from './visibility.ts';

/** A peer that the log lets carry a route. */
export type Carrier = { readonly peerId: PeerId; readonly rank: number; readonly keepSource: boolean };

/** A route as a view is shown it. Without routers: opened, but carried by nobody that the view sees. */
export type ShownRoute = {
  readonly id: RouteId;
  readonly name: string;
  readonly blocks: readonly Cidr[];
  /** The least rank first. */
  readonly routers: readonly { readonly id: PeerId; readonly rank: number }[];
};

/** A route as its router is told it: packets of `from` to `blocks` are let through. */
export type Carried = {
  readonly id: RouteId;
  readonly name: string;
  readonly blocks: readonly Cidr[];
  readonly from: readonly Cidr[];
  readonly keepSource: boolean;
};

export const isDefault = (block: Cidr): boolean => prefixOf(block) === 0;

/** The way to everywhere else. */
export const isExit = ({ blocks }: Pick<Route, 'blocks'>): boolean => blocks.some(isDefault);

/** A phone's program carries nothing, and the server's not yet. */
export const mayCarry = (peer: Peer | undefined): peer is Peer =>
  appears(peer) && !isPlain(peer) && peer.id !== SERVER_PEER;

function* peersOf(network: Network, { peerId, cidrId }: Router): Generator<Peer> {
  if (peerId !== undefined) {
    const peer = network.peer(peerId);
    if (mayCarry(peer)) yield peer;
  }
  if (cidrId === undefined) return;
  for (const id of subtree(network, cidrId))
    for (const peer of network.peersIn(id)) if (mayCarry(peer)) yield peer;
}

const byRank = (left: Carrier, right: Carrier): number =>
  left.rank - right.rank || left.peerId - right.peerId;

/** CIDRs as their joined and enabled peers, the least rank first. A peer named twice counts by its least rank. */
export const routersOf = (network: Network, { routers }: Route): Carrier[] => {
  const carriers = new Map<PeerId, Carrier>();
  for (const router of routers)
    for (const { id: peerId } of peersOf(network, router)) {
      const known = carriers.get(peerId);
      if (!known || router.rank < known.rank)
        carriers.set(peerId, { peerId, rank: router.rank, keepSource: router.keepSource === true });
    }
  return [...carriers.values()].sort(byRank);
};

/** Opened to the CIDR, or to one around it. */
export const isOpenTo = (network: Network, { openTo }: Route, cidrId: CidrId): boolean => {
  if (openTo.length === 0) return false;
  for (const id of lineage(network, cidrId)) if (openTo.includes(id)) return true;
  return false;
};

/** How routes are shown to a view, with the routers that it sees; undefined: one is not open to it. */
export const routeShownTo = (network: Network, view: View): ((route: Route) => ShownRoute | undefined) => {
  const isSeen = shownTo(network, view);
  return (route) => {
    if (!isOpenTo(network, route, view.cidrId)) return undefined;
    const routers = routersOf(network, route)
      .filter(({ peerId }) => isSeen(network.peer(peerId)))
      .map(({ peerId: id, rank }) => ({ id, rank }));
    return { id: route.id, name: route.name, blocks: route.blocks, routers };
  };
};

/** Routes opened to a view. */
export const routesFor = (network: Network, view: View): ShownRoute[] => {
  const shown = routeShownTo(network, view);
  return [...network.routes()].flatMap((route) => shown(route) ?? []);
};

/** Whether the log names the peer a router of it, by itself or by a CIDR around it. */
export const isNamedBy = (
  network: Network,
  { routers }: Route,
  { id, cidrId }: Pick<Peer, 'id' | 'cidrId'>,
): boolean => {
  const around = new Set(lineage(network, cidrId));
  return routers.some(
    (router) => router.peerId === id || (router.cidrId !== undefined && around.has(router.cidrId)),
  );
};

/** Whether peers of a CIDR see a router, if their programs keep to limits. */
const doSee = (network: Network, cidrId: CidrId, router: Peer): boolean => {
  const sight = sightOf(network, cidrId, router.cidrId);
  return sight === 'whole' || (sight === 'limited' && enforces(network, router));
};

/** Blocks of CIDRs that hold peers, are opened to, and see the router; by id. */
const usersOf = (network: Network, { openTo }: Route, router: Peer): Cidr[] => {
  const users = new Map<CidrId, Cidr>();
  for (const opened of openTo)
    for (const id of subtree(network, opened)) {
      const node = network.cidr(id);
      if (!node || users.has(id) || !network.holdsPeers(id)) continue;
      if (doSee(network, id, router)) users.set(id, node.cidr);
    }
  return [...users].sort(([left], [right]) => left - right).map(([, block]) => block);
};

/** What the log lets a peer carry, and for whom. Empty for one that has not joined or is disabled. */
export const carriedBy = (network: Network, peerId: PeerId): Carried[] => {
  const peer = network.peer(peerId);
  if (!mayCarry(peer)) return [];
  return [...network.routes()].flatMap((route) => {
    const carrier = carrierOf(network, route, peer);
    if (!carrier) return [];
    const { id, name, blocks } = route;
    return [{ id, name, blocks, from: usersOf(network, route, peer), keepSource: carrier.keepSource }];
  });
};

/** Without a look at the other routers. */
const carrierOf = (network: Network, { routers }: Route, peer: Peer): Carrier | undefined => {
  const around = new Set(lineage(network, peer.cidrId));
  const own = routers.filter(
    ({ peerId, cidrId }) => peerId === peer.id || (cidrId !== undefined && around.has(cidrId)),
  );
  const [least] = own
    .map(({ rank, keepSource }) => ({ peerId: peer.id, rank, keepSource: keepSource === true }))
    .sort(byRank);
  return least;
};

/** A route that a CIDR still has to do with. */
export const routeWith = (
  network: Network,
  cidrId: CidrId,
): { route: Route; isRouter: boolean } | undefined => {
  for (const route of network.routes()) {
    if (route.openTo.includes(cidrId)) return { route, isRouter: false };
    if (routerAt(route, { cidrId })) return { route, isRouter: true };
  }
  return undefined;
};
