/** Which interface leads to a host, from the kernel's text of its routes. */
import { type Family, familyOf, fullPrefix, type Ip, toNumber } from '../values/ip.ts';

type Route = { to: bigint; prefix: number; metric: number; device: string };

/** Of a route that came by a router's advertisement, and leads everywhere. */
const ADVERTISED_DEFAULT = 0x0005_0000;

/** Such a route says that nothing leads there. */
const REJECTS = 0x200;

/**
 * The narrowest route, then that of the least metric; undefined: none. `text`: of `/proc/net/route` (the main table) or
 * `/proc/net/ipv6_route` (all tables), by the host's family.
 */
export const bestRoute = (host: Ip, text: string): string | undefined => routeTowards(host, text)?.device;

/** As `bestRoute`, with the length of its prefix: 0 is a default route. */
export const routeTowards = (host: Ip, text: string): { device: string; prefix: number } | undefined => {
  const family = familyOf(host);
  const parse = family === 4 ? routeOf : routeOf6;
  const wanted = toNumber(host);
  let best: Route | undefined;
  for (const line of text.split('\n')) {
    const route = parse(line);
    if (route && leadsTo(wanted, route, family) && (!best || isBetter(route, best))) best = route;
  }
  return best;
};

const leadsTo = (wanted: bigint, { to, prefix }: Route, family: Family): boolean => {
  const rest = BigInt(fullPrefix(family) - prefix);
  return wanted >> rest === to >> rest;
};

const isBetter = (route: Route, best: Route): boolean =>
  route.prefix > best.prefix || (route.prefix === best.prefix && route.metric < best.metric);

const isRejection = (flags: string): boolean => (Number.parseInt(flags, 16) & REJECTS) !== 0;

/** Addresses stand in the order of a little machine. */
const routeOf = (line: string): Route | undefined => {
  const [device = '', to = '', , flags = '', , , metric = '', mask = ''] = line
    .split('\t')
    .map((one) => one.trim());
  if (to.length !== 8 || isRejection(flags)) return undefined;
  const numberOf = (hex: string): number => Buffer.from(hex, 'hex').readUInt32LE();
  const prefix = 32 - Math.log2(2 ** 32 - numberOf(mask));
  return { to: BigInt(numberOf(to)), prefix, metric: Number(metric), device };
};

const routeOf6 = (line: string): Route | undefined => {
  const [to = '', prefix = '', , , , metric = '', , , flags = '', device = ''] = line.trim().split(/\s+/);
  if (to.length !== 32 || isRejection(flags)) return undefined;
  const [length, least] = [Number.parseInt(prefix, 16), Number.parseInt(metric, 16)];
  return { to: BigInt(`0x${to}`), prefix: length, metric: least, device };
};

/** Interfaces that have a default route by a router's advertisement, from the text of `/proc/net/ipv6_route`. */
export const advertisedDefaults = (text: string): string[] => {
  const devices = text.split('\n').flatMap((line) => {
    const [, prefix, , , , , , , flags = '', device = ''] = line.trim().split(/\s+/);
    const has = Number.parseInt(flags, 16) & ADVERTISED_DEFAULT;
    return prefix === '00' && has === ADVERTISED_DEFAULT && device ? [device] : [];
  });
  return [...new Set(devices)];
};
