/** The network interface around a WireGuard device: what `ip` says of it, and what is missing for a tunnel. */
import { addressOf, type Cidr, containsIp, familyOf, networkOf, RecordedCidr } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { blockOf, type RouteJson } from './guard.ts';
import { failureOf, run, sure } from './program.ts';

/** An interface as the kernel has it. */
export type Link = {
  /** Changes when the interface is made anew. */
  index: number;
  /** `wireguard` for a kernel device, `tun` for one of a userspace implementation, or another. */
  kind: string;
  isUp: boolean;
  /** Whether neighbours are asked for, which nobody on a tunnel answers. */
  asksNeighbours: boolean;
  mtu: number;
  /** Those of global scope; `usable` is false while IPv6 still checks for duplicates, or has found one. */
  addresses: { cidr: Cidr; usable: boolean }[];
  routes: Cidr[];
};

/** How the interface of a tunnel should be. */
export type LinkConfig = {
  name: InterfaceName;
  /** The own address with the prefix that it has on the interface: the network's. */
  address: Cidr;
  network: Cidr;
  mtu: number;
  /** Whether the network is routed into the tunnel. */
  routing: boolean;
};

/** As `ip -json -details` prints it; the rest is passed over. */
type LinkJson = {
  ifindex: number;
  flags: string[];
  mtu: number;
  linkinfo?: { info_kind?: string };
  addr_info: { local?: string; prefixlen: number; scope: string; tentative?: boolean; dadfailed?: boolean }[];
};

/** The interface of that name with its addresses and routes; undefined when there is none. One process. */
export const linkNamed = async (name: InterfaceName): Promise<Link | undefined> => {
  const batch = `address show dev ${name}\nroute show table all dev ${name}\n`;
  const { code, stdout, stderr } = await run('ip', ['-json', '-details', '-batch', '-'], batch);
  if (/does not exist|cannot find device/i.test(stderr)) return undefined;
  if (code !== 0) throw failureOf('ip', stderr.trim());
  const [links = [], routes = []] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return linkOf(links[0], routes);
};

const linkOf = (link: LinkJson, routes: readonly RouteJson[]): Link => ({
  index: link.ifindex,
  kind: link.linkinfo?.info_kind ?? '',
  isUp: link.flags.includes('UP'),
  asksNeighbours: !link.flags.includes('NOARP'),
  mtu: link.mtu,
  addresses: link.addr_info
    .filter(({ local, scope }) => local !== undefined && scope === 'global')
    .map(({ local, prefixlen, tentative, dadfailed }) => ({
      cidr: RecordedCidr.parse(`${local}/${prefixlen}`),
      usable: !tentative && !dadfailed,
    })),
  routes: routes.map(routeBlock).filter((block) => block !== undefined),
});

/** The block of an ordinary route of the main table; undefined for others, and for a default route. */
export const routeBlock = (route: RouteJson): Cidr | undefined => {
  const { type = 'unicast', table = 'main' } = route;
  return type === 'unicast' && table === 'main' ? blockOf(route) : undefined;
};

/** How a new interface is, before anything was done to it. */
const NEW: Pick<Link, 'isUp' | 'asksNeighbours' | 'mtu' | 'addresses' | 'routes'> = {
  isUp: false,
  asksNeighbours: false,
  mtu: 0,
  addresses: [],
  routes: [],
};

/**
 * What to tell `ip` so that the interface becomes as it should be: nothing when it is. Other addresses of the
 * network are taken off, all else that somebody has put there is left alone.
 */
export const repairs = (link: Link | undefined, wants: LinkConfig): string[] => {
  const has = link ?? NEW;
  const { name, network } = wants;
  const device: string[] = [];
  if (has.mtu !== wants.mtu) device.push('mtu', String(wants.mtu));
  if (has.asksNeighbours) device.push('arp', 'off');
  if (!has.isUp) device.push('up');
  const isRight = ({ cidr, usable }: Link['addresses'][number]) => cidr === wants.address && usable;
  const strays = has.addresses.filter((had) => containsIp(network, addressOf(had.cidr)) && !isRight(had));
  const isAddressed = has.addresses.some(isRight);
  return [
    ...(device.length > 0 ? [`link set dev ${name} ${device.join(' ')}`] : []),
    ...strays.map(({ cidr }) => `address del ${cidr} dev ${name}`),
    ...(isAddressed ? [] : [addressLine(wants)]),
    ...(wants.routing && !isRouted(has.routes, isAddressed, wants)
      ? [`route replace ${network} dev ${name}`]
      : []),
  ];
};

/** On a tunnel nobody else can have an address: to look for duplicates would only take it out of use for a second. */
const addressLine = ({ name, address, routing }: LinkConfig): string =>
  `address add ${address} dev ${name}${familyOf(address) === 6 ? ' nodad' : ''}${routing ? '' : ' noprefixroute'}`;

/** A new address brings the route of its own prefix along. */
const isRouted = (
  routes: readonly Cidr[],
  isAddressed: boolean,
  { address, network }: LinkConfig,
): boolean => (isAddressed ? routes.includes(network) : networkOf(address) === network);

/** Tells `ip` all lines in one process; it stops at the first that fails, with a `Failure`. */
export const carryOut = async (lines: readonly string[]): Promise<void> => {
  if (lines.length > 0) await sure('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
};
