/** What this machine's other interfaces have: routes that a network would overlap, and their own addresses. */
import { networkInterfaces } from 'node:os';
import { type Cidr, familyOf, Ip, overlaps } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { type RouteJson, routeBlock } from './link.ts';
import { sure } from './program.ts';

/** A route of the main table. */
export type Route = { cidr: Cidr; device: string };

/** Routes of other interfaces that share addresses with the block, default routes left out. */
export const routesOverlapping = async (cidr: Cidr, own?: InterfaceName): Promise<Route[]> => {
  const routes: RouteJson[] = JSON.parse(
    (await sure('ip', ['-json', `-${familyOf(cidr)}`, 'route'])) || '[]',
  );
  return routes.flatMap((route) => {
    const block = routeBlock(route);
    if (!block || !route.dev || route.dev === own || !overlaps(block, cidr)) return [];
    return [{ cidr: block, device: route.dev }];
  });
};

/** An address of an interface that is up. */
export type LocalAddress = { device: string; ip: Ip };

/** Addresses of every interface that is up, but for loopback ones and those of the interface named. */
export const localAddresses = (except?: InterfaceName): LocalAddress[] =>
  Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) =>
    device === except
      ? []
      : addresses.flatMap(({ address, internal }) => {
          const ip = Ip.safeParse(address);
          return internal || !ip.success ? [] : [{ device, ip: ip.data }];
        }),
  );
