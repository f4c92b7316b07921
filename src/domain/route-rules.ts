/**
 * Rules of routes: named blocks outside the network, closed at birth; of the routers that carry them, whose own
 * machines must offer them too; and of the CIDRs that they are open to.
 */
import type { NetworkEvent } from '../events/schema.ts';
import { hostOf } from '../values/endpoint.ts';
import { type CidrId, ROOT_CIDR, SERVER_PEER } from '../values/id.ts';
import { type Cidr, containsIp, familyOf, Ip, overlaps } from '../values/ip.ts';
import { reservedIn } from '../values/reserved.ts';
import { findCidr } from './cidrs.ts';
import type { CommandOf, RouteRef } from './command.ts';
import { accept, type Decision, type Rule, reject } from './decision.ts';
import { lineage } from './lineage.ts';
import type { Network } from './network.ts';
import { isPlain, type Peer } from './peer.ts';
import { findPeer } from './peers.ts';
import type { Rejection } from './rejection.ts';
import { type Route, type Router, type RouterKey, routerAt } from './route-table.ts';
import { isDefault, isExit } from './routes.ts';

const findRoute = (network: Network, ref: RouteRef): Route | undefined =>
  typeof ref === 'number' ? network.route(ref) : network.routeNamed(ref);

const onRoute = (network: Network, ref: RouteRef, rule: (route: Route) => Decision): Decision => {
  const route = findRoute(network, ref);
  return route ? rule(route) : reject({ code: 'UnknownRoute', route: ref });
};

/** Peers, CIDRs and routes share one name space, but for peers and CIDRs that were there before it. */
const nameTrouble = (network: Network, name: string): Rejection | undefined => {
  if (network.routeNamed(name)) return { code: 'RouteNameTaken', name, by: 'route' };
  if (network.peerNamed(name)) return { code: 'RouteNameTaken', name, by: 'peer' };
  return network.cidrNamed(name) ? { code: 'RouteNameTaken', name, by: 'CIDR' } : undefined;
};

/** Where the log says that the server or a relay is reached, which must not go by a route. */
const reachedIn = (network: Network, block: Cidr): Rejection | undefined => {
  const server = network.peer(SERVER_PEER);
  const relays = network.relays().map(({ peer: { name }, endpoint }) => ({ name, endpoint }));
  for (const { name, endpoint } of [...(server ? [server] : []), ...relays]) {
    const ip = endpoint === null ? undefined : Ip.safeParse(hostOf(endpoint)).data;
    if (endpoint !== null && ip !== undefined && containsIp(block, ip))
      return { code: 'RouteHoldsServer', block, endpoint, name };
  }
  return undefined;
};

const blockTrouble = (network: Network, range: Cidr, block: Cidr): Rejection | undefined => {
  const special = reservedIn(block);
  if (special) return { code: 'RouteSpecial', block, reserved: special.block as Cidr, use: special.use };
  if (familyOf(block) !== familyOf(range)) return { code: 'RouteOtherFamily', block, network: range };
  if (overlaps(block, range)) return { code: 'RouteInsideNetwork', block, network: range };
  return reachedIn(network, block);
};

/** An exit may have a family that the network has not: it has no way out then. */
const blocksTrouble = (network: Network, range: Cidr, blocks: readonly Cidr[]): Rejection | undefined => {
  for (const [index, block] of blocks.entries()) {
    const other = blocks.slice(0, index).find((earlier) => overlaps(earlier, block));
    if (other) return { code: 'RouteOverlapsItself', blocks: [other, block] };
  }
  const plain = blocks.find((block) => !isDefault(block));
  if (plain === undefined) return undefined;
  if (isExit({ blocks })) return { code: 'RouteMixesExit', block: plain };
  for (const block of blocks) {
    const trouble = blockTrouble(network, range, block);
    if (trouble) return trouble;
  }
  return undefined;
};

/** The inner of two CIDRs where one is around the other; its peers may use what is open to either. */
const innerOf = (network: Network, left: CidrId, right: CidrId): CidrId | undefined => {
  if ([...lineage(network, left)].includes(right)) return left;
  return [...lineage(network, right)].includes(left) ? right : undefined;
};

/** WireGuard gives a block to one peer. Of exits a machine uses the one that it names. */
const takenBy = (network: Network, { id, blocks }: Route, cidrId: CidrId): Rejection | undefined => {
  for (const other of network.routes()) {
    const block =
      other.id === id || isExit(other) ? undefined : blocks.find((one) => other.blocks.includes(one));
    if (block === undefined) continue;
    for (const opened of other.openTo) {
      const inner = innerOf(network, cidrId, opened);
      const node = inner === undefined ? undefined : network.cidr(inner);
      if (node) return { code: 'RouteTaken', block, name: other.name, cidr: node.name };
    }
  }
  return undefined;
};

type Named = { peer?: CommandOf<'AddRouter'>['peer']; cidr?: CommandOf<'AddRouter'>['cidr'] };

/** A router as it was asked for. */
type Meant = { key: RouterKey; name: string; peer?: Peer };

const onRouter = (network: Network, { peer, cidr }: Named, rule: (meant: Meant) => Decision): Decision => {
  if (peer !== undefined) {
    const found = findPeer(network, peer);
    if (!found) return reject({ code: 'UnknownPeer', peer });
    return rule({ key: { peerId: found.id }, name: found.name, peer: found });
  }
  const node = cidr === undefined ? undefined : findCidr(network, cidr);
  return node
    ? rule({ key: { cidrId: node.id }, name: node.name })
    : reject({ code: 'UnknownCidr', cidr: cidr ?? '' });
};

const routerTrouble = (peer: Peer): Rejection | undefined => {
  const { id, name, isRedeemed, isDisabled } = peer;
  if (id === SERVER_PEER) return { code: 'RouterIsServer', name };
  if (isPlain(peer)) return { code: 'RouterIsPhone', name };
  if (!isRedeemed) return { code: 'RouterNotJoined', name };
  return isDisabled ? { code: 'RouterIsDisabled', name } : undefined;
};

const routerName = (network: Network, { peerId, cidrId }: Router): string =>
  (peerId === undefined ? undefined : network.peer(peerId)?.name) ??
  (cidrId === undefined ? undefined : network.cidr(cidrId)?.name) ??
  '';

/**
 * Answers of the LAN come back by one router, so all users must choose the same: where a router keeps the sender,
 * no two have one rank.
 */
const rankTrouble = (
  network: Network,
  route: Route,
  { name, key, rank, keepSource }: Meant & { rank: number; keepSource: boolean },
): Rejection | undefined => {
  const others = route.routers.filter((router) => router !== routerAt(route, key));
  if (!keepSource && !others.some((router) => router.keepSource)) return undefined;
  const ofCidr = key.cidrId !== undefined ? name : undefined;
  const cidr =
    ofCidr ??
    others.flatMap((router) => (router.cidrId === undefined ? [] : [routerName(network, router)]))[0];
  if (cidr !== undefined) return { code: 'RouterIsMany', name: cidr, route: route.name };
  const same = others.find((router) => router.rank === rank);
  return (
    same && { code: 'RouterRankTaken', route: route.name, rank: String(rank), by: routerName(network, same) }
  );
};

export const addRoute: Rule<'AddRoute'> = (network, { name, blocks, routers = [], openTo = [] }, context) => {
  const range = network.cidr(ROOT_CIDR)?.cidr;
  if (range === undefined) return reject({ code: 'NoNetwork' });
  const trouble = nameTrouble(network, name) ?? blocksTrouble(network, range, blocks);
  if (trouble) return reject(trouble);
  const routeId = network.nextIds.route;
  const events: NetworkEvent[] = [{ type: 'RouteAdded', routeId, name, blocks }];
  const draft = network.draft();
  const steps: ((draft: Network) => Decision)[] = [
    ...routers.map(
      (router) => (then: Network) =>
        addRouter(then, { type: 'AddRouter', route: routeId, ...router }, context),
    ),
    ...openTo.map(
      (cidr) => (then: Network) => openRoute(then, { type: 'OpenRoute', route: routeId, cidr }, context),
    ),
  ];
  let last = events;
  for (const step of steps) {
    for (const event of last) draft.evolve(event);
    const decision = step(draft);
    if (!decision.accepted) return decision;
    last = decision.events;
    events.push(...last);
  }
  return accept(...events);
};

export const renameRoute: Rule<'RenameRoute'> = (network, { route: ref, name }) =>
  onRoute(network, ref, (route) => {
    if (route.name === name) return accept();
    const trouble = nameTrouble(network, name);
    return trouble ? reject(trouble) : accept({ type: 'RouteRenamed', routeId: route.id, name });
  });

export const deleteRoute: Rule<'DeleteRoute'> = (network, { route: ref }) =>
  onRoute(network, ref, ({ id }) => accept({ type: 'RouteDeleted', routeId: id }));

export const addRouter: Rule<'AddRouter'> = (network, { route: ref, rank = 0, keepSource, ...named }) =>
  onRoute(network, ref, (route) =>
    onRouter(network, named, ({ peer, ...meant }) => {
      const trouble = peer && routerTrouble(peer);
      if (trouble) return reject(trouble);
      const { key, name } = meant;
      if (routerAt(route, key)) return reject({ code: 'RouterAlready', name, route: route.name });
      const ranked = rankTrouble(network, route, { ...meant, rank, keepSource: keepSource === true });
      if (ranked) return reject(ranked);
      const kept = keepSource ? ({ keepSource: true } as const) : {};
      return accept({ type: 'RouterAdded', routeId: route.id, ...key, rank, ...kept });
    }),
  );

/** Of a router that there is, also one that cannot carry now. */
const onKnownRouter = (
  network: Network,
  { route: ref, ...named }: Named & { route: RouteRef },
  rule: (route: Route, router: Router, meant: Meant) => Decision,
): Decision =>
  onRoute(network, ref, (route) =>
    onRouter(network, named, (meant) => {
      const router = routerAt(route, meant.key);
      if (!router) return reject({ code: 'NotARouter', name: meant.name, route: route.name });
      return rule(route, router, meant);
    }),
  );

export const rankRouter: Rule<'RankRouter'> = (network, command) =>
  onKnownRouter(network, command, (route, router, meant) => {
    const { rank } = command;
    if (router.rank === rank) return accept();
    const trouble = rankTrouble(network, route, { ...meant, rank, keepSource: router.keepSource === true });
    return trouble
      ? reject(trouble)
      : accept({ type: 'RouterRanked', routeId: route.id, ...meant.key, rank });
  });

export const removeRouter: Rule<'RemoveRouter'> = (network, command) =>
  onKnownRouter(network, command, (route, _, { key }) =>
    accept({ type: 'RouterRemoved', routeId: route.id, ...key }),
  );

export const openRoute: Rule<'OpenRoute'> = (network, { route: ref, cidr }) =>
  onRoute(network, ref, (route) => {
    const node = findCidr(network, cidr);
    if (!node) return reject({ code: 'UnknownCidr', cidr });
    if (route.openTo.includes(node.id)) return accept();
    const trouble = isExit(route) ? undefined : takenBy(network, route, node.id);
    return trouble ? reject(trouble) : accept({ type: 'RouteOpened', routeId: route.id, cidrId: node.id });
  });

export const closeRoute: Rule<'CloseRoute'> = (network, { route: ref, cidr }) =>
  onRoute(network, ref, (route) => {
    const node = findCidr(network, cidr);
    if (!node) return reject({ code: 'UnknownCidr', cidr });
    if (route.openTo.includes(node.id))
      return accept({ type: 'RouteClosed', routeId: route.id, cidrId: node.id });
    const around = [...lineage(network, node.id)].find((id) => route.openTo.includes(id));
    const above = around === undefined ? undefined : network.cidr(around)?.name;
    return above === undefined
      ? accept()
      : reject({ code: 'RouteOpenAround', route: route.name, name: node.name, around: above });
  });
