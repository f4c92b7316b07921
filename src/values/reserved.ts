/** Blocks that every system keeps for itself (RFC 6890): no route makes them a network. */
import { type Cidr, overlaps, prefixOf } from './ip.ts';

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

/** The reserved block that overlaps a range, and what it is for; none for the range of all addresses. */
export const reservedIn = (cidr: Cidr): (typeof RESERVED)[number] | undefined =>
  prefixOf(cidr) === 0 ? undefined : RESERVED.find(({ block }) => overlaps(cidr, block as Cidr));
