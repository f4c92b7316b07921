/** IP addresses and CIDR blocks: spelling, containment, assignable addresses. */
import ipaddr from 'ipaddr.js';
import * as z from 'zod';

type Parsed = ipaddr.IPv4 | ipaddr.IPv6;

export type Family = 4 | 6;

/** `::1.2.3.4` as `::102:304`: the library misreads the old notation, with octal numbers. */
const withHexTail = (text: string): string => {
  const [, head, tail] = /^(.*:)([\d.]+\.[\d.]+)$/.exec(text) ?? [];
  if (head === undefined || tail === undefined || !ipaddr.IPv4.isValidFourPartDecimal(tail)) return text;
  const value = ipv4Number(tail);
  return `${head}${Math.floor(value / 65_536).toString(16)}:${(value % 65_536).toString(16)}`;
};

const parseAddress = (text: string): Parsed | undefined => {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  const colons = withHexTail(text);
  if (!/^[\da-f:]*:[\da-f:]*$/i.test(colons) || !ipaddr.IPv6.isValid(colons)) return undefined;
  return ipaddr.IPv6.parse(colons);
};

const spell = (address: Parsed): string =>
  address.kind() === 'ipv4' ? address.toString() : (address as ipaddr.IPv6).toRFC5952String();

/** An address in canonical spelling (RFC 5952 for IPv6); no zone, no port. */
export const Ip = z
  .string()
  .transform((text, context) => {
    const address = parseAddress(text);
    if (address) return spell(address);
    context.addIssue({ code: 'custom', message: `"${text}" is not an IP address` });
    return z.NEVER;
  })
  .brand<'Ip'>();
export type Ip = z.infer<typeof Ip>;

/** A block as the log keeps it: imported networks may have host bits. */
export const RecordedCidr = z
  .string()
  .transform((text, context) => {
    const [head, tail, ...rest] = text.split('/');
    const address = parseAddress(head ?? '');
    if (address && tail !== undefined && rest.length === 0 && /^(0|[1-9]\d{0,2})$/.test(tail)) {
      if (Number(tail) <= (address.kind() === 'ipv4' ? 32 : 128)) return `${spell(address)}/${tail}`;
    }
    context.addIssue({ code: 'custom', message: `"${text}" is not a CIDR block such as 10.61.0.0/16` });
    return z.NEVER;
  })
  .brand<'Cidr'>();

/** A block `address/prefix` in one spelling, without host bits. */
export const Cidr = RecordedCidr.superRefine((cidr, context) => {
  const network = networkOf(cidr);
  if (network === cidr) return;
  context.addIssue({ code: 'custom', message: `${cidr} has host bits set; the block is ${network}` });
});
export type Cidr = z.infer<typeof RecordedCidr>;

/** The address as a number, for arithmetic within its family. */
export const toNumber = (ip: Ip): bigint => {
  if (!ip.includes(':')) return BigInt(ipv4Number(ip));
  return ipaddr.IPv6.parse(ip).parts.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n);
};

/** By hand, for speed: the search for a free address spells many. */
const ipv4Text = (value: number): Ip =>
  `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Ip;

const ipv4Number = (ip: string): number => ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

/** The number must fit the family. */
export const fromNumber = (value: bigint, family: Family): Ip => {
  if (family === 4) return ipv4Text(Number(value));
  const bytes: number[] = [];
  for (let shift = 120n; shift >= 0n; shift -= 8n) bytes.push(Number((value >> shift) & 255n));
  return spell(ipaddr.fromByteArray(bytes)) as Ip;
};

export const familyOf = (text: Ip | Cidr): Family => (text.includes(':') ? 6 : 4);

/** Number of leading bits that a block fixes. */
export const prefixOf = (cidr: Cidr): number => Number(cidr.slice(cidr.indexOf('/') + 1));

/** The address part of a block, with host bits. */
export const addressOf = (cidr: Cidr): Ip => cidr.slice(0, cidr.indexOf('/')) as Ip;

/** The prefix length that spans a single address. */
export const fullPrefix = (family: Family): number => (family === 4 ? 32 : 128);

/** The block of one address, as in a peer's allowed-ips. */
export const singleton = (ip: Ip): Cidr => `${ip}/${fullPrefix(familyOf(ip))}` as Cidr;

type Range = { family: Family; first: bigint; last: bigint };

const ranges = new Map<string, Range>();
/** Blocks are few and often used; the bound is against hostile input. */
const MAX_RANGES_KEPT = 10_000;

const rangeOf = (cidr: Cidr): Range => {
  const known = ranges.get(cidr);
  if (known) return known;
  const family = familyOf(cidr);
  const free = BigInt(fullPrefix(family) - prefixOf(cidr));
  const first = (toNumber(addressOf(cidr)) >> free) << free;
  const range = { family, first, last: first + (1n << free) - 1n };
  if (ranges.size >= MAX_RANGES_KEPT) ranges.clear();
  ranges.set(cidr, range);
  return range;
};

/** All addresses of a block, its own and the broadcast address too. */
export const firstAndLast = (cidr: Cidr): { first: bigint; last: bigint } => rangeOf(cidr);

/** The block without host bits. */
export const networkOf = (cidr: Cidr): Cidr => {
  const { family, first } = rangeOf(cidr);
  return `${fromNumber(first, family)}/${prefixOf(cidr)}` as Cidr;
};

export const containsIp = (cidr: Cidr, ip: Ip): boolean => {
  const range = rangeOf(cidr);
  if (range.family !== familyOf(ip)) return false;
  const value = toNumber(ip);
  return range.first <= value && value <= range.last;
};

/** A block contains itself. */
export const containsCidr = (outer: Cidr, inner: Cidr): boolean => {
  const [a, b] = [rangeOf(outer), rangeOf(inner)];
  return a.family === b.family && a.first <= b.first && b.last <= a.last;
};

export const overlaps = (left: Cidr, right: Cidr): boolean => {
  const [a, b] = [rangeOf(left), rangeOf(right)];
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
};

/**
 * The range of addresses for peers. IPv4: without network and broadcast address, except in /31 and /32; IPv6:
 * without the network address, except in /127 and /128.
 */
export const assignableRange = (cidr: Cidr): { first: bigint; last: bigint } => {
  const { family, first, last } = rangeOf(cidr);
  if (prefixOf(cidr) >= fullPrefix(family) - 1) return { first, last };
  return { first: first + 1n, last: family === 4 ? last - 1n : last };
};

/** Whether a peer may have the address, by `assignableRange`. */
export const isAssignable = (cidr: Cidr, ip: Ip): boolean => {
  if (!containsIp(cidr, ip)) return false;
  const { first, last } = assignableRange(cidr);
  const value = toNumber(ip);
  return first <= value && value <= last;
};

/** The address's kind in the IANA registries: `unicast`, `private`, `loopback`, `linkLocal` … */
export const kindOf = (ip: Ip): string => ipaddr.parse(ip).range();
