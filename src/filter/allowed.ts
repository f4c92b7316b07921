/** What may be begun from blocks, or between blocks, as sets and rules of a network's table. */
import { type Cidr, containsCidr, type Family, familyOf, firstAndLast, fromNumber } from '../values/ip.ts';
import type { NamedSet } from './filter-table.ts';

/** Without ports: all of the protocol's. ICMP: echo requests; errors pass anyway. */
export type Allow = {
  protocol: 'tcp' | 'udp' | 'icmp' | 'any';
  ports?: readonly (readonly [first: number, last: number])[] | undefined;
};

/** `key`: a block, or blocks with ` . ` between them. Keys must not overlap. */
export type Allowed = { key: string; allow: 'all' | readonly Allow[] };

/** How a packet is looked up, such as `ip saddr`, and the type of that in a set. */
export type Key = { expression: string; of: string; family: Family };

export const source = (family: Family): Key =>
  family === 4
    ? { expression: 'ip saddr', of: 'ipv4_addr', family }
    : { expression: 'ip6 saddr', of: 'ipv6_addr', family };

export const sourceAndTarget = (family: Family): Key =>
  family === 4
    ? { expression: 'ip saddr . ip daddr', of: 'ipv4_addr . ipv4_addr', family }
    : { expression: 'ip6 saddr . ip6 daddr', of: 'ipv6_addr . ipv6_addr', family };

/** The rules are the same whatever is allowed, so that a change of it is one of elements. */
export const allowedBy = (
  name: string,
  { expression, of, family }: Key,
  allowed: readonly Allowed[],
): { sets: NamedSet[]; rules: string[] } => {
  const [all, ping, ports]: [string[], string[], string[]] = [[], [], []];
  for (const { key, allow } of allowed) {
    if (allow === 'all' || allow.some(({ protocol }) => protocol === 'any')) {
      all.push(key);
      continue;
    }
    if (allow.some(({ protocol }) => protocol === 'icmp')) ping.push(key);
    for (const protocol of ['tcp', 'udp'] as const)
      for (const [first, last] of portsOf(allow, protocol))
        ports.push(`${key} . ${protocol} . ${first === last ? first : `${first}-${last}`}`);
  }
  const echo = family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request';
  return {
    sets: [
      { name: `${name}-all`, of, elements: all },
      { name: `${name}-ping`, of, elements: ping },
      { name: `${name}-ports`, of: `${of} . inet_proto . inet_service`, elements: ports },
    ],
    rules: [
      `${expression} @${name}-all accept`,
      `${expression} @${name}-ping ${echo} accept`,
      `meta l4proto { tcp, udp } ${expression} . meta l4proto . th dport @${name}-ports accept`,
    ],
  };
};

const ALL_PORTS = [[0, 65_535]] as const;

/** Joined where they overlap or touch. */
const portsOf = (allow: readonly Allow[], wanted: 'tcp' | 'udp'): [number, number][] => {
  const ranges = allow.flatMap(({ protocol, ports }) => (protocol === wanted ? (ports ?? ALL_PORTS) : []));
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
    const before = joined.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else joined.push([first, last]);
  }
  return joined;
};

/** Each block without those that lie in it, as ranges of addresses: they overlap no more. */
export const apart = (blocks: readonly Cidr[]): Map<Cidr, string[]> => {
  const found = new Map<Cidr, string[]>();
  for (const block of new Set(blocks)) {
    const inner = blocks.filter((other) => other !== block && containsCidr(block, other));
    found.set(block, gaps(block, inner));
  }
  return found;
};

const gaps = (block: Cidr, inner: readonly Cidr[]): string[] => {
  const family = familyOf(block);
  const { first, last } = firstAndLast(block);
  const taken = inner.map(firstAndLast).sort((a, b) => (a.first < b.first ? -1 : 1));
  const found: string[] = [];
  let next = first;
  const free = (until: bigint): void => {
    if (next <= until) found.push(rangeText(next, until, family));
  };
  for (const range of taken) {
    free(range.first - 1n);
    if (range.last >= next) next = range.last + 1n;
  }
  free(last);
  return found;
};

const rangeText = (first: bigint, last: bigint, family: Family): string =>
  first === last ? fromNumber(first, family) : `${fromNumber(first, family)}-${fromNumber(last, family)}`;
