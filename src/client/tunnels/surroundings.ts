/** Looks at what this machine must go on reaching outside a tunnel: its networks, gateways and resolvers. */
import { type Family, Ip, singleton } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { blockOf, type RouteJson } from '../../wireguard/guard.ts';
import { run } from '../../wireguard/program.ts';
import { localAddresses } from '../../wireguard/routes.ts';
import type { Surroundings } from './held-blocks.ts';
import { resolvers } from './resolvers.ts';

type MainRoute = RouteJson & { gateway?: string; scope?: string };

/** Of one family, without those of the network's own device. */
const mainRoutes = async (family: Family, own: InterfaceName): Promise<MainRoute[]> => {
  const { code, stdout } = await run('ip', ['-json', `-${family}`, 'route', 'show', 'table', 'main']);
  const routes: MainRoute[] = code === 0 ? JSON.parse(stdout || '[]') : [];
  return routes.filter(({ dev, type = 'unicast' }) => dev !== own && type === 'unicast');
};

export const surroundings = async (family: Family, own: InterfaceName): Promise<Surroundings> => {
  const [routes, asked] = await Promise.all([mainRoutes(family, own), resolvers()]);
  const near = routes.flatMap((route) => {
    const cidr = blockOf(route);
    return cidr && route.dev && !route.gateway ? [{ cidr, device: route.dev }] : [];
  });
  const far = routes.flatMap((route) => {
    const cidr = blockOf(route);
    return cidr && route.dev && route.gateway ? [{ cidr, device: route.dev }] : [];
  });
  const gateways = new Set(routes.flatMap(({ gateway }) => Ip.safeParse(gateway).data ?? []));
  return {
    connected: [...near, ...localAddresses(own).map(({ device, ip }) => ({ device, cidr: singleton(ip) }))],
    routed: far,
    hosts: [
      ...[...gateways].map((ip) => ({ what: 'the gateway', ip })),
      ...asked.map((ip) => ({ what: 'the resolver', ip })),
    ],
  };
};
