/** A tunnel's network interface: its state by `ip`, and its repairs. */
import { addressOf, type Cidr, containsIp, familyOf, networkOf, RecordedCidr } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { blockOf, type RouteJson } from './guard.ts';
import { failureOf, run, sure } from './program.ts';

export type Link = {
  /** Changes when the interface is made again. */
  index: number;
  /** `wireguard` (kernel), `tun` (userspace), or another. */
  kind: string;
  isUp: boolean;
  /** Looks for neighbours, which nothing on a tunnel answers. */
  asksNeighbours: boolean;
  mtu: number;
  /** Global ones; `usable` is false while IPv6 checks for duplicates, or if it found one. */
  addresses: { cidr: Cidr; usable: boolean }[];
  routes: Cidr[];
};

export type LinkConfig = {
  name: InterfaceName;
  /** With the network's prefix. */
  address: Cidr;
  network: Cidr;
  mtu: number;
  routing: boolean;
};

type LinkJson = {
  ifindex: number;
  flags: string[];
  mtu: number;
  linkinfo?: { info_kind?: string };
  addr_info: { local?: string; prefixlen: number; scope: string; tentative?: boolean; dadfailed?: boolean }[];
};

/** The interface with addresses and routes, by one process; undefined if there is none. */
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

/** The block of an ordinary route of the main table, else undefined. */
export const routeBlock = (route: RouteJson): Cidr | undefined => {
  const { type = 'unicast', table = 'main' } = route;
  return type === 'unicast' && table === 'main' ? blockOf(route) : undefined;
};

const NEW: Pick<Link, 'isUp' | 'asksNeighbours' | 'mtu' | 'addresses' | 'routes'> = {
  isUp: false,
  asksNeighbours: false,
  mtu: 0,
  addresses: [],
  routes: [],
};

/** Lines for `ip`; none if all is right. Removes other addresses of the network, and nothing else. */
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

/** `nodad`: a tunnel has no duplicates, and the check would block the address for a second. */
const addressLine = ({ name, address, routing }: LinkConfig): string =>
  `address add ${address} dev ${name}${familyOf(address) === 6 ? ' nodad' : ''}${routing ? '' : ' noprefixroute'}`;

/** A new address brings its prefix's route. */
const isRouted = (
  routes: readonly Cidr[],
  isAddressed: boolean,
  { address, network }: LinkConfig,
): boolean => (isAddressed ? routes.includes(network) : networkOf(address) === network);

/** Runs all lines in one process. Throws a `Failure` at the first failed line. */
export const carryOut = async (lines: readonly string[]): Promise<void> => {
  if (lines.length > 0) await sure('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
};
