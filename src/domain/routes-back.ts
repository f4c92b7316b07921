/** The commands that undo what a change made of routes; part of the plan in return-plan.ts. */
import type { CidrId } from '../values/id.ts';
import type { AdminCommand, CidrRef } from './command.ts';
import type { Network } from './network.ts';
import { type Route, type Router, routerAt } from './route-table.ts';

type Wish = { [field: string]: unknown; type: AdminCommand['type'] };

type Course = { want: Network; made: Network; now: Network };

/** `cidr`: how a CIDR of before is named now; `since`: what was changed again. */
type Words = { cidr: (id: CidrId) => CidrRef; since: (what: string, name: string) => void };

const whichNow = ({ peerId, cidrId }: Router, { cidr }: Words): object =>
  peerId === undefined && cidrId !== undefined ? { cidr: cidr(cidrId) } : { peer: peerId };

const carrying = (router: Router, words: Words): object => ({
  ...whichNow(router, words),
  ...(router.rank === 0 ? {} : { rank: router.rank }),
  ...(router.keepSource ? { keepSource: true } : {}),
});

/** A peer that is gone carries nothing again; its own obstacle says so. */
const isPresent = (now: Network, { peerId }: Router): boolean =>
  peerId === undefined || now.peer(peerId) !== undefined;

const again = ({ name, blocks, routers, openTo }: Route, now: Network, words: Words): Wish => ({
  type: 'AddRoute',
  name,
  blocks,
  routers: routers.filter((router) => isPresent(now, router)).map((router) => carrying(router, words)),
  openTo: openTo.map(words.cidr),
});

function* openingsBack(before: Route, made: Route, current: Route, words: Words): Generator<Wish> {
  const route = current.id;
  for (const cidr of made.openTo)
    if (!before.openTo.includes(cidr) && current.openTo.includes(cidr))
      yield { type: 'CloseRoute', route, cidr };
  for (const id of before.openTo)
    if (!made.openTo.includes(id) && !current.openTo.includes(id))
      yield { type: 'OpenRoute', route, cidr: words.cidr(id) };
}

/** Of a router that was there before and after. */
function* routerBack(
  [before, made, current]: readonly [Router, Router, Router],
  { id: route, name }: Route,
  words: Words,
): Generator<Wish> {
  const which = whichNow(made, words);
  if (before.keepSource !== made.keepSource) {
    yield { type: 'RemoveRouter', route, ...which };
    yield { type: 'AddRouter', route, ...carrying(before, words) };
  } else if (before.rank !== made.rank && before.rank !== current.rank) {
    if (current.rank !== made.rank) words.since('rank of a router', name);
    else yield { type: 'RankRouter', route, ...which, rank: before.rank };
  }
}

function* routersBack(
  [before, made, current]: readonly [Route, Route, Route],
  now: Network,
  words: Words,
): Generator<Wish> {
  const route = current.id;
  for (const router of made.routers) {
    const [was, is] = [routerAt(before, router), routerAt(current, router)];
    if (!is) continue;
    if (was) yield* routerBack([was, router, is], current, words);
    else yield { type: 'RemoveRouter', route, ...whichNow(router, words) };
  }
  for (const router of before.routers)
    if (!routerAt(made, router) && !routerAt(current, router) && isPresent(now, router))
      yield { type: 'AddRouter', route, ...carrying(router, words) };
}

function* routeBack(
  [before, made, current]: readonly [Route, Route, Route],
  now: Network,
  words: Words,
): Generator<Wish> {
  if (before.name !== made.name && current.name !== before.name) {
    if (current.name !== made.name) words.since('name', current.name);
    else yield { type: 'RenameRoute', route: current.id, name: before.name };
  }
  yield* openingsBack(before, made, current, words);
  yield* routersBack([before, made, current], now, words);
}

/** A route that was deleted comes back under another id. */
export function* routesBack({ want, made, now }: Course, words: Words): Generator<Wish> {
  for (const route of made.routes()) {
    const [before, current] = [want.route(route.id), now.route(route.id)];
    if (!current) continue;
    if (before) yield* routeBack([before, route, current], now, words);
    else yield { type: 'DeleteRoute', route: current.id };
  }
  for (const route of want.routes()) if (!made.route(route.id)) yield again(route, now, words);
}
