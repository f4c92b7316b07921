/** By which interfaces this machine reaches a block, or in a sentence why it does not: no I/O. */
import { routeTowards } from '../../filter/best-route.ts';
import {
  type Cidr,
  containsIp,
  type Family,
  familyOf,
  firstAndLast,
  fromNumber,
  type Ip,
  prefixOf,
} from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { isPrivateRange } from '../../values/reserved.ts';

export type Interface = { device: string; isUp: boolean; addresses: readonly Ip[] };

/** What a look at the machine has found. */
export type Surroundings = {
  /** Of the network, which leads to no block. */
  device: InterfaceName;
  /** Of the network: blocks of another cannot be carried. */
  family: Family;
  interfaces: readonly Interface[];
  /** The text of `/proc/net/route` or `/proc/net/ipv6_route`. */
  routes: string;
};

export type WayOut = { block: Cidr; interfaces: readonly string[]; why?: string };

const isExit = (block: Cidr): boolean => prefixOf(block) === 0;

/** `before`: the interfaces by which it was reached at an earlier look. */
export const wayOut = (block: Cidr, around: Surroundings, before: readonly string[] = []): WayOut => {
  const found = interfacesTo(block, around, before);
  return typeof found === 'string' ? { block, interfaces: [], why: found } : { block, interfaces: found };
};

const interfacesTo = (
  block: Cidr,
  { device, family, interfaces, routes }: Surroundings,
  before: readonly string[],
): readonly string[] | string => {
  if (familyOf(block) !== family) return `the network has addresses of IPv${family} alone`;
  const others = interfaces.filter((one) => one.device !== device);
  const isInside = ({ addresses }: Interface) =>
    !isExit(block) && addresses.some((ip) => containsIp(block, ip));
  const inside = others.filter((one) => one.isUp && isInside(one)).map((one) => one.device);
  if (inside.length > 0) return inside;
  const down = others.find((one) => !one.isUp && (isInside(one) || before.includes(one.device)));
  if (down) return `its ${down.device} is down`;
  const gone = before.find((name) => !others.some((one) => one.device === name));
  if (gone !== undefined) return `its ${gone} is gone`;
  const towards = routeTowards(hostIn(block), withoutLinesOf(device, routes));
  if (towards && (towards.prefix > 0 || isExit(block) || !isPrivateRange(block))) return [towards.device];
  if (isExit(block)) return 'it has no way to the Internet itself';
  return `none of its interfaces has an address in ${block}, and no route leads there`;
};

/** The first host of a block, or one that every exit leads to. */
const hostIn = (block: Cidr): Ip => {
  const family = familyOf(block);
  if (isExit(block)) return (family === 4 ? '192.0.2.1' : '2001:db8::1') as Ip;
  const { first, last } = firstAndLast(block);
  return fromNumber(first < last ? first + 1n : first, family);
};

const withoutLinesOf = (device: string, routes: string): string =>
  routes
    .split('\n')
    .filter((line) => !line.split(/\s+/).includes(device))
    .join('\n');
