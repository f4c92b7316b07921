/** What may be begun from blocks, or between blocks, as sets and rules of a network's table. */
import { type Cidr, containsCidr, type Family, familyOf, firstAndLast, fromNumber } from '../values/ip.ts';
import { type Allow, type PortRange, sumOf } from '../values/opening.ts';
import type { NamedSet } from './filter-table.ts';

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

const EVERYTHING: readonly Allow[] = [{ protocol: 'any' }];
const ALL_PORTS: readonly PortRange[] = [[0, 65_535]];

/** The rules are the same whatever is allowed, so that a change of it is one of elements. */
export const allowedBy = (
  name: string,
  { expression, of, family }: Key,
  allowed: readonly Allowed[],
): { sets: NamedSet[]; rules: string[] } => {
  const [all, ping, ports]: [string[], string[], string[]] = [[], [], []];
  for (const { key, allow } of allowed)
    for (const one of allow === 'all' ? EVERYTHING : sumOf(allow))
      if (one.protocol === 'any') all.push(key);
      else if (one.protocol === 'icmp') ping.push(key);
      else
        for (const [first, last] of one.ports ?? ALL_PORTS)
          ports.push(`${key} . ${one.protocol} . ${first === last ? first : `${first}-${last}`}`);
  const echo = family === 4 ? 'icmp type echo-request' : 'icmpv6 type echo-request';
  return {
    sets: [
      { name: `${name}-all`, of, elements: all },
      { name: `${name}-ping`, of, elements: ping },
      { name: `${name}-ports`, of: `${of} . inet_proto . inet_service`, elements: ports },
    ],
    // The most frequent first; other protocols are in no element.
    rules: [
      `${expression} . meta l4proto . th dport @${name}-ports accept`,
      `${expression} @${name}-all accept`,
      `${expression} @${name}-ping ${echo} accept`,
    ],
  };
};

/** Each block without those of `all` that lie in it, as ranges of addresses: they overlap no more. */
export const apart = (blocks: readonly Cidr[], all = blocks): Map<Cidr, string[]> => {
  const found = new Map<Cidr, string[]>();
  for (const block of new Set(blocks)) {
    const inner = all.filter((other) => other !== block && containsCidr(block, other));
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

/** As nft names a range of addresses. */
export const rangeText = (first: bigint, last: bigint, family: Family): string =>
  first === last ? fromNumber(first, family) : `${fromNumber(first, family)}-${fromNumber(last, family)}`;
