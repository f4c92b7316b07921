/** Looks at what this machine must go on reaching outside a tunnel: its networks, gateways and resolvers. */
import { readFile } from 'node:fs/promises';
import { type Family, Ip, singleton } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { blockOf, type RouteJson } from '../../wireguard/guard.ts';
import { run } from '../../wireguard/program.ts';
import { localAddresses } from '../../wireguard/routes.ts';
import type { Surroundings } from './held-blocks.ts';

/** Where a program of the system answers in their place, the second file has those that it asks. */
const RESOLVERS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

type MainRoute = RouteJson & { gateway?: string; scope?: string };

/** Of one family, without those of the network's own device. */
const mainRoutes = async (family: Family, own: InterfaceName): Promise<MainRoute[]> => {
  const { code, stdout } = await run('ip', ['-json', `-${family}`, 'route', 'show', 'table', 'main']);
  const routes: MainRoute[] = code === 0 ? JSON.parse(stdout || '[]') : [];
  return routes.filter(({ dev, type = 'unicast' }) => dev !== own && type === 'unicast');
};

/** Addresses of resolvers that this machine asks, without itself. */
const resolvers = async (): Promise<Ip[]> => {
  const found = new Set<Ip>();
  for (const path of RESOLVERS) {
    const text = await readFile(path, 'utf8').catch(() => '');
    for (const [, word = ''] of text.matchAll(/^\s*nameserver\s+(\S+)/gm)) {
      const ip = Ip.safeParse(word.split('%')[0]);
      if (ip.success && !/^127\.|^::1$/.test(ip.data)) found.add(ip.data);
    }
  }
  return [...found];
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
