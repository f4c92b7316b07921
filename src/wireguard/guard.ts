/**
 * The guard of a network's range, as data: a rule and a table that keep its packets on its device, whatever
 * more specific routes exist.
 */
import { type Cidr, containsCidr, familyOf, fullPrefix, Ip, RecordedCidr, singleton } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';

/** As `ip -json` prints them, in part. */
export type RuleJson = { priority: number; dst?: string; dstlen?: number; table?: string };
export type RouteJson = {
  dst: string;
  dev?: string;
  type?: string;
  table?: string;
  nexthops?: { dev?: string }[];
};

/** All rules of a family, and the routes within a range from all tables. */
export type Routing = { rules: readonly RuleJson[]; routes: readonly RouteJson[] };

export type GuardConfig = {
  name: InterfaceName;
  network: Cidr;
  /** Another network here keeps the addresses that both have. */
  isYielding?: boolean | undefined;
  /** Also blocks packets while the device is gone, as long as this program can lift the block. */
  isClosed?: boolean | undefined;
};

/** Just after the kernel's table `local`, before other programs' rules. */
const PRIORITY = 50;
/** The last metric, after the device's. */
const LAST = 65_535;

/** Found again by the name alone: 0x69, then 24 bits of FNV-1a. */
export const tableOf = (name: InterfaceName): string => {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return String(0x69000000 + ((hash >>> 0) & 0xffffff));
};

const blockOfRule = ({ dst, dstlen }: RuleJson): Cidr | undefined =>
  dst === undefined || dst === 'all'
    ? undefined
    : RecordedCidr.safeParse(`${dst}/${dstlen ?? fullPrefix(familyOf(dst as Ip))}`).data;

/** The block of a route (`ip` omits a full prefix); undefined for a default route. */
export const blockOf = ({ dst }: Pick<RouteJson, 'dst'>): Cidr | undefined => {
  if (dst === 'default') return undefined;
  if (dst.includes('/')) return RecordedCidr.safeParse(dst).data;
  const ip = Ip.safeParse(dst);
  return ip.success ? singleton(ip.data) : undefined;
};

const deviceOf = ({ dev, nexthops }: RouteJson): string | undefined =>
  dev ?? nexthops?.find((hop) => hop.dev)?.dev;

const isOpen = ({ type = 'unicast' }: RouteJson): boolean => type === 'unicast';

/** The route that blocks packets while the device is gone. */
const closing = (verb: 'add' | 'del', { name, network }: GuardConfig): string =>
  `route ${verb} unreachable ${network} table ${tableOf(name)} metric ${LAST}`;

/** The line that lifts the block, for an `ip` that waits for our end. */
export const opening = (config: GuardConfig): string => closing('del', config);

/** Lines for `ip` that complete the guard; none if it stands. */
export const guardRepairs = ({ rules, routes }: Routing, wants: GuardConfig): string[] => {
  const { name, network } = wants;
  const table = tableOf(name);
  const priority = PRIORITY + (wants.isYielding ? 1 : 0);
  const own = rules.filter((rule) => rule.table === table);
  const isRight = (rule: RuleJson) => rule.priority === priority && blockOfRule(rule) === network;
  const ways = routes.filter((route) => route.table === table && blockOf(route) === network);
  const isRouted = ways.some((route) => isOpen(route) && deviceOf(route) === name);
  const isClosed = ways.some((route) => !isOpen(route));
  return [
    ...(isRouted ? [] : [`route replace ${network} dev ${name} table ${table}`]),
    ...(wants.isClosed && !isClosed ? [closing('add', wants)] : []),
    ...(own.some(isRight) ? [] : [`rule add priority ${priority} to ${network} lookup ${table}`]),
    ...own.filter((rule) => !isRight(rule)).map(ruleRemoval),
  ];
};

/** Lines for `ip` that remove the guard, in one family. */
export const guardRemovals = ({ rules, routes }: Routing, name: InterfaceName): string[] => {
  const table = tableOf(name);
  return [
    ...rules.filter((rule) => rule.table === table).map(ruleRemoval),
    ...(routes.some((route) => route.table === table) ? [`route flush table ${table}`] : []),
  ];
};

const ruleRemoval = (rule: RuleJson): string => {
  const block = blockOfRule(rule);
  return `rule del priority ${rule.priority}${block ? ` to ${block}` : ''} lookup ${rule.table}`;
};

export const isGuarded = ({ rules, routes }: Routing, name: InterfaceName, network: Cidr): boolean => {
  const table = tableOf(name);
  return (
    rules.some((rule) => rule.table === table && blockOfRule(rule) === network) &&
    routes.some((route) => route.table === table && isOpen(route) && blockOf(route) === network)
  );
};

/** What another device has of a range. */
export type Thief = { kind: 'route' | 'address'; cidr: Cidr; device: string };

/**
 * Other devices' routes and addresses that are as specific as the range or more: without a guard they win.
 */
export const thievesIn = ({ routes }: Routing, network: Cidr, own: InterfaceName): Thief[] => {
  const found = new Map<string, Thief>();
  for (const route of routes) {
    const [cidr, device, kind] = [blockOf(route), deviceOf(route), kindOf(route)];
    if (!cidr || !device || !kind || device === own || !containsCidr(network, cidr)) continue;
    found.set(`${kind} ${cidr} ${device}`, { kind, cidr, device });
  }
  return [...found.values()];
};

const kindOf = ({ type = 'unicast' }: RouteJson): Thief['kind'] | undefined =>
  type === 'unicast' ? 'route' : type === 'local' ? 'address' : undefined;

/** Routes of other devices, in words. */
export const thievesText = (thieves: readonly Thief[]): string =>
  thieves.map(({ kind, cidr, device }) => `the ${kind} ${cidr} of ${device}`).join(', ');
