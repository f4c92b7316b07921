/** The verb list-routes: each route with its routers, whom it is open to, and what is missing. */
import type { Peer } from '../domain/peer.ts';
import type { Route, Router } from '../domain/route-table.ts';
import { isExit } from '../domain/routes.ts';
import { Failure } from '../values/failure.ts';
import type { CidrId } from '../values/id.ts';
import { offerTrouble } from './offered.ts';
import type { NetworkView, Plane } from './plane.ts';
import { answer, answerJson, table } from './print.ts';

const peerName = ({ peers }: NetworkView, id: number): string =>
  peers.find((peer) => peer.id === id)?.name ?? `peer ${id}`;

const cidrName = ({ cidrs }: NetworkView, id: number): string =>
  cidrs.find((node) => node.id === id)?.name ?? `CIDR ${id}`;

const routerName = (view: NetworkView, { peerId, cidrId }: Router): string =>
  peerId === undefined ? `each of ${cidrName(view, cidrId ?? 0)}` : peerName(view, peerId);

/** The least rank first; `press, desk (1)`. */
const routersText = (view: NetworkView, { routers }: Route): string =>
  [...routers]
    .sort((left, right) => left.rank - right.rank)
    .map((router) => `${routerName(view, router)}${router.rank === 0 ? '' : ` (${router.rank})`}`)
    .join(', ');

/** The peers that a router stands for. */
const standFor = ({ peers, cidrs }: NetworkView, { peerId, cidrId }: Router): Peer[] => {
  const isIn = (id: CidrId | null): boolean => {
    if (id === null || id === cidrId) return id !== null;
    return isIn(cidrs.find((node) => node.id === id)?.parentId ?? null);
  };
  const isMeant = (peer: Peer): boolean => (peerId === undefined ? isIn(peer.cidrId) : peer.id === peerId);
  return peers.filter(
    (peer) => isMeant(peer) && peer.isRedeemed && !peer.isDisabled && peer.via === undefined,
  );
};

/** Of a router; undefined: nothing is missing, as far as is known. */
const routerTrouble = (
  view: NetworkView,
  { blocks }: Route,
  router: Router,
  network: string,
): string | undefined => {
  const peers = standFor(view, router);
  if (peers.length === 0)
    return router.peerId === undefined
      ? `${cidrName(view, router.cidrId ?? 0)} holds no peer that can carry it`
      : `${peerName(view, router.peerId)} is disabled`;
  if (view.offers === undefined) return undefined;
  const troubles = peers.map(({ id, name }) =>
    offerTrouble(blocks, {
      name,
      network,
      offers: view.offers?.find(({ peerId }) => peerId === id)?.offers ?? [],
    }),
  );
  return troubles.includes(undefined) ? undefined : troubles[0];
};

/** Empty: nothing is missing, as far as is known. */
const stateOf = (view: NetworkView, route: Route, network: string): string => {
  const { routers, openTo } = route;
  const troubles = routers.flatMap((router) => routerTrouble(view, route, router, network) ?? []);
  const missing = [
    ...(openTo.length === 0 ? ['closed to all'] : []),
    ...(routers.length === 0 ? ['carried by nobody'] : []),
    ...troubles,
  ];
  return missing.join('; ');
};

const inJson = (view: NetworkView, route: Route): object => ({
  ...route,
  isExit: isExit(route),
  routers: route.routers.map((router) => ({
    ...router,
    name: routerName(view, router),
    ...(view.offers && router.peerId !== undefined
      ? { offers: view.offers.find(({ peerId }) => peerId === router.peerId)?.offers ?? [] }
      : {}),
  })),
  openTo: route.openTo.map((id) => ({ cidrId: id, name: cidrName(view, id) })),
});

/** Throws `Failure` for one who is told no more than its own machine knows. */
export const listRoutes = async (plane: Plane, { json }: { json?: true }): Promise<void> => {
  const view = await plane.view();
  if (view.isPartial)
    throw new Failure('only an admin sees all routes', {
      hint: `those that this machine may use are said by: innernet show ${plane.network}`,
    });
  const { routes = [] } = view;
  if (json) return answerJson(routes.map((route) => inJson(view, route)));
  answer(
    table(
      ['NAME', 'BLOCKS', 'ROUTERS', 'OPEN TO', 'STATE'],
      routes.map((route) => [
        route.name,
        isExit(route) ? 'everywhere' : route.blocks.join(', '),
        routersText(view, route) || '-',
        route.openTo.map((id) => cidrName(view, id)).join(', ') || '-',
        stateOf(view, route, plane.network),
      ]),
    ),
  );
};
