/** Blocks that are private, and blocks reserved by every system (RFC 6890). */
import { type Cidr, containsCidr, overlaps, prefixOf } from './ip.ts';

const RESERVED = [
  { block: '0.0.0.0/8', use: 'a host that has no address yet' },
  { block: '127.0.0.0/8', use: 'loopback' },
  { block: '169.254.0.0/16', use: 'link-local addresses' },
  { block: '224.0.0.0/4', use: 'multicast' },
  { block: '::/127', use: 'loopback' },
  { block: '::ffff:0:0/96', use: 'IPv4 addresses' },
  { block: 'fe80::/10', use: 'link-local addresses' },
  { block: 'ff00::/8', use: 'multicast' },
] as const;

/** The reserved block in a range, and its use; none for the range of all addresses. */
export const reservedIn = (cidr: Cidr): (typeof RESERVED)[number] | undefined =>
  prefixOf(cidr) === 0 ? undefined : RESERVED.find(({ block }) => overlaps(cidr, block as Cidr));

/** RFC 1918, RFC 6598 and unique local addresses (RFC 4193). */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'];

/** Whether all addresses are private; routing others would hijack them. */
export const isPrivateRange = (cidr: Cidr): boolean =>
  PRIVATE.some((block) => containsCidr(block as Cidr, cidr));

/** What no packet to a public host is meant for. */
export const NOT_PUBLIC: readonly Cidr[] = [
  ...RESERVED.map(({ block }) => block as Cidr),
  ...PRIVATE.map((block) => block as Cidr),
  '240.0.0.0/4' as Cidr,
  'fec0::/10' as Cidr,
];

export const PRIVATE_BLOCKS = PRIVATE.join(', ');
