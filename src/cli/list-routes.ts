/** The verb list-routes: each route with its routers, whom it is open to, and what is missing. */
import type { Route, Router } from '../domain/route-table.ts';
import { isExit } from '../domain/routes.ts';
import { Failure } from '../values/failure.ts';
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

/** Empty: nothing is missing, as far as is known. */
const stateOf = (view: NetworkView, { routers, openTo }: Route): string => {
  if (openTo.length === 0) return 'closed to all';
  if (routers.length === 0) return 'carried by nobody';
  const present = routers.some(
    ({ peerId, cidrId }) =>
      cidrId !== undefined || view.peers.some(({ id, isDisabled }) => id === peerId && !isDisabled),
  );
  return present ? '' : 'its routers are disabled';
};

const inJson = (view: NetworkView, route: Route): object => ({
  ...route,
  isExit: isExit(route),
  routers: route.routers.map((router) => ({ ...router, name: routerName(view, router) })),
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
        stateOf(view, route),
      ]),
    ),
  );
};
