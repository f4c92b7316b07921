/** Routes that a network would overlap, and addresses, of this machine's other interfaces. */
import { networkInterfaces } from 'node:os';
import { type Cidr, familyOf, Ip, overlaps } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { isPrivateRange } from '../values/reserved.ts';
import { blockOf, type RouteJson, type Routing, type RuleJson, type Thief, thievesIn } from './guard.ts';
import { routeBlock } from './link.ts';
import { failureOf, run, sure } from './program.ts';
import { answers } from './socket.ts';

export type Route = { cidr: Cidr; device: string };

/** Other interfaces' routes that overlap the block, without default routes. */
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

export type LocalAddress = { device: string; ip: Ip };

/** Addresses of interfaces that are up, without loopback and `except`. */
export const localAddresses = (except?: InterfaceName): LocalAddress[] =>
  Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) =>
    device === except
      ? []
      : addresses.flatMap(({ address, internal }) => {
          const ip = Ip.safeParse(address);
          return internal || !ip.success ? [] : [{ device, ip: ip.data }];
        }),
  );

/** `ip` prints one line per command, none for an empty answer. */
const answersOf = async <T>(cidr: Cidr, commands: readonly string[]): Promise<T[]> => {
  const args = ['-json', '-details', `-${familyOf(cidr)}`, '-batch', '-'];
  const { code, stdout, stderr } = await run('ip', args, `${commands.join('\n')}\n`);
  // The kernel lacks the family, or the table is empty.
  if (code !== 0 && !/does not exist|not supported/i.test(stderr)) throw failureOf('ip', stderr.trim());
  return stdout
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => JSON.parse(line) as T[]);
};

/** The routing of a range, by one process. */
export const routingOf = async (network: Cidr): Promise<Routing> => {
  const found = await answersOf<RuleJson | RouteJson>(network, [
    'rule show',
    `route show table all root ${network}`,
  ]);
  const isRule = (one: RuleJson | RouteJson): one is RuleJson => 'priority' in one;
  return { rules: found.filter(isRule), routes: found.filter((one): one is RouteJson => !isRule(one)) };
};

type LinkKind = { ifname: string; linkinfo?: { info_kind?: string } };

/**
 * What a network would clash with: routes and addresses within its range, and other WireGuard networks around
 * it.
 */
export const clashesWith = async (network: Cidr, own: InterfaceName): Promise<Thief[]> => {
  const wider = `route show table all match ${network}`;
  const [within, around] = await Promise.all([
    routingOf(network),
    answersOf<RouteJson | LinkKind>(network, [wider, 'link show']),
  ]);
  const links = around.filter((one): one is LinkKind => 'ifname' in one);
  const thieves = thievesIn(within, network, own);
  for (const route of around) {
    if (!('dst' in route) || !route.dev || route.dev === own) continue;
    const cidr = blockOf(route);
    // A tunnel for the whole internet is a default route in two halves, not a network.
    if (!cidr || !isPrivateRange(cidr) || thieves.some((known) => known.cidr === cidr)) continue;
    const kind = links.find(({ ifname }) => ifname === route.dev)?.linkinfo?.info_kind;
    if (kind === 'wireguard' || (kind === 'tun' && (await answers(route.dev as InterfaceName))))
      thieves.push({ kind: 'route', cidr, device: route.dev });
  }
  return thieves;
};
