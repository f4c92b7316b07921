/** Who may send where through a router, as ranges of addresses that do not overlap. */
import { type Cidr, containsCidr, type Family, familyOf, firstAndLast, prefixOf } from '../values/ip.ts';
import { NOT_PUBLIC } from '../values/reserved.ts';
import { rangeText } from './allowed.ts';

/** `from`: the blocks of those who may use it. A block of all addresses is an exit. */
export type CarriedRoute = {
  blocks: readonly Cidr[];
  from: readonly Cidr[];
  /** Hosts behind it see the users' own addresses. */
  keepSource: boolean;
};

export type CarriedWorld = {
  /** The network's root block; only blocks of its family can be carried. */
  range: Cidr;
  routes: readonly CarriedRoute[];
  /** Blocks of CIDRs that may hold peers: each counts without those in it. */
  homes: readonly Cidr[];
  /** This machine's own networks: an exit alone does not lead there. */
  near: readonly Cidr[];
};

/** Elements such as `10.42.1.0-10.42.1.255 . 192.168.50.0-192.168.50.255`. */
export type CarriedPairs = { all: string[]; masked: string[] };

type Span = { first: bigint; last: bigint };
/** Addresses that are alike, and the routes that concern them, the narrowest block first. */
type Part = Span & { routes: readonly CarriedRoute[] };

/** A packet is masked by the route of the narrowest block that its sender may use. */
export const carriedPairs = ({ range, routes, homes, near }: CarriedWorld): CarriedPairs => {
  const family = familyOf(range);
  const targets = targetsOf(routes, { family, closedToExits: [range, ...near, ...NOT_PUBLIC] });
  const sources = sourcesOf(routes, { family, homes });
  const pairs: CarriedPairs = { all: [], masked: [] };
  for (const source of sources)
    for (const target of targets) {
      const route = target.routes.find((one) => source.routes.includes(one));
      if (!route) continue;
      const key = `${textOf(source, family)} . ${textOf(target, family)}`;
      pairs.all.push(key);
      if (!route.keepSource) pairs.masked.push(key);
    }
  return pairs;
};

const textOf = ({ first, last }: Span, family: Family): string => rangeText(first, last, family);

const isExit = (block: Cidr): boolean => prefixOf(block) === 0;

const covers = (block: Cidr, { first, last }: Span): boolean => {
  const of = firstAndLast(block);
  return of.first <= first && last <= of.last;
};

type Closed = { family: Family; closedToExits: readonly Cidr[] };

const targetsOf = (routes: readonly CarriedRoute[], { family, closedToExits }: Closed): Part[] => {
  const blocks = routes
    .flatMap((route) => route.blocks.map((block) => ({ block, route })))
    .filter(({ block }) => familyOf(block) === family)
    .sort((left, right) => prefixOf(right.block) - prefixOf(left.block));
  const closed = closedToExits.filter((block) => familyOf(block) === family);
  const spans = spansOf([...blocks.map(({ block }) => block), ...closed]);
  return merged(spans, (span) => {
    const mayExit = !closed.some((block) => covers(block, span));
    return blocks
      .filter(({ block }) => covers(block, span) && (mayExit || !isExit(block)))
      .map(({ route }) => route);
  });
};

type Homes = { family: Family; homes: readonly Cidr[] };

/** A peer's home is the narrowest block around its address. */
const sourcesOf = (routes: readonly CarriedRoute[], { family, homes }: Homes): Part[] => {
  const known = [...new Set([...homes, ...routes.flatMap(({ from }) => from)])].filter(
    (block) => familyOf(block) === family,
  );
  known.sort((left, right) => prefixOf(right) - prefixOf(left));
  return merged(spansOf(known), (span) => {
    const home = known.find((block) => covers(block, span));
    return routes.filter(({ from }) => from.some((block) => block === home));
  });
};

/** The stretches between all ends of the blocks. */
const spansOf = (blocks: readonly Cidr[]): Span[] => {
  const starts = new Set<bigint>();
  for (const { first, last } of blocks.map(firstAndLast)) starts.add(first).add(last + 1n);
  const sorted = [...starts].sort((left, right) => (left < right ? -1 : 1));
  return sorted.slice(0, -1).map((first, at) => ({ first, last: (sorted[at + 1] ?? first) - 1n }));
};

/** Neighbours that the same routes concern are one part; those that none concerns are left out. */
const merged = (spans: readonly Span[], routesAt: (span: Span) => CarriedRoute[]): Part[] => {
  const parts: Part[] = [];
  for (const span of spans) {
    const routes = routesAt(span);
    const before = parts.at(-1);
    if (routes.length === 0) continue;
    if (before && before.last + 1n === span.first && isSame(before.routes, routes)) before.last = span.last;
    else parts.push({ ...span, routes });
  }
  return parts;
};

const isSame = (left: readonly CarriedRoute[], right: readonly CarriedRoute[]): boolean =>
  left.length === right.length && left.every((route, at) => route === right[at]);

/** Whether this machine's word covers a route's block: an exit is its own word, and covers nothing else. */
export const isCovered = (block: Cidr, offered: readonly Cidr[]): boolean =>
  offered.some((one) => one === block || (!isExit(one) && containsCidr(one, block)));
