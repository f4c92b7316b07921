/** The routes of a network: named blocks outside it, who carries them, and to whom they are open. */
import type { EventOf } from '../events/schema.ts';
import type { CidrId, PeerId, RouteId } from '../values/id.ts';
import type { Cidr } from '../values/ip.ts';
import { type Mapping, mapOver } from './layered.ts';

/** One peer, or each peer in a CIDR. The least rank goes first. */
export type Router = {
  readonly peerId?: PeerId | undefined;
  readonly cidrId?: CidrId | undefined;
  readonly rank: number;
  /** Packets into the route keep their sender. */
  readonly keepSource?: true | undefined;
};

/** Which router is meant, of one route. */
export type RouterKey = Pick<Router, 'peerId' | 'cidrId'>;

/** Immutable: a change makes a new object. */
export type Route = {
  readonly id: RouteId;
  readonly name: string;
  readonly blocks: readonly Cidr[];
  readonly routers: readonly Router[];
  /** Peers of these CIDRs and of those in them may use it. */
  readonly openTo: readonly CidrId[];
};

const isSame = (left: RouterKey, right: RouterKey): boolean =>
  left.peerId === right.peerId && left.cidrId === right.cidrId;

/** The router of a route that a key means. */
export const routerAt = ({ routers }: Route, key: RouterKey): Router | undefined =>
  routers.find((router) => isSame(router, key));

/** Without the fields that a new rank leaves as they are. */
export const routerOf = ({
  peerId,
  cidrId,
  rank,
  ...rest
}: EventOf<'RouterAdded'> | EventOf<'RouterRanked'>): Router => ({
  ...(peerId === undefined ? { cidrId } : { peerId }),
  rank,
  ...('keepSource' in rest && rest.keepSource ? { keepSource: true } : {}),
});

export class RouteTable {
  readonly #routes: Mapping<RouteId, Route>;
  readonly #byName: Mapping<string, RouteId>;
  #nextId: number;

  constructor(below?: RouteTable) {
    this.#routes = mapOver(below ? below.#routes : undefined);
    this.#byName = mapOver(below ? below.#byName : undefined);
    this.#nextId = below ? below.#nextId : 1;
  }

  get nextId(): RouteId {
    return this.#nextId as RouteId;
  }

  get size(): number {
    return this.#routes.size;
  }

  all(): Iterable<Route> {
    return this.#routes.values();
  }

  get(id: RouteId): Route | undefined {
    return this.#routes.get(id);
  }

  named(name: string): Route | undefined {
    const id = this.#byName.get(name);
    return id === undefined ? undefined : this.#routes.get(id);
  }

  add(route: Route): void {
    this.#routes.set(route.id, route);
    this.#byName.set(route.name, route.id);
    this.#nextId = Math.max(this.#nextId, route.id + 1);
  }

  rename(id: RouteId, name: string): void {
    const route = this.#routes.get(id);
    if (!route) return;
    this.#byName.delete(route.name);
    this.#byName.set(name, id);
    this.#routes.set(id, { ...route, name });
  }

  delete(id: RouteId): void {
    const route = this.#routes.get(id);
    if (!route) return;
    this.#routes.delete(id);
    this.#byName.delete(route.name);
  }

  /** A known one keeps its place, and its sender's addresses as they were. */
  putRouter(id: RouteId, router: Router): void {
    this.#change(id, (route) => {
      const known = routerAt(route, router);
      if (!known) return { ...route, routers: [...route.routers, router] };
      const changed = { ...known, ...router };
      return { ...route, routers: route.routers.map((each) => (each === known ? changed : each)) };
    });
  }

  dropRouter(id: RouteId, key: RouterKey): void {
    this.#change(id, (route) => ({
      ...route,
      routers: route.routers.filter((router) => !isSame(router, key)),
    }));
  }

  open(id: RouteId, cidrId: CidrId): void {
    this.#change(id, (route) =>
      route.openTo.includes(cidrId) ? route : { ...route, openTo: [...route.openTo, cidrId] },
    );
  }

  close(id: RouteId, cidrId: CidrId): void {
    this.#change(id, (route) => ({ ...route, openTo: route.openTo.filter((each) => each !== cidrId) }));
  }

  skipTo(nextId: number): void {
    this.#nextId = nextId;
  }

  /** Nothing happens to a route that is not there. */
  #change(id: RouteId, change: (route: Route) => Route): void {
    const route = this.#routes.get(id);
    if (route) this.#routes.set(id, change(route));
  }
}
