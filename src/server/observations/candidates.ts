/** Which of the addresses that a peer reports are passed on to others: pure rules against abuse. */
import { hostOf, type SocketAddress } from '../../values/endpoint.ts';
import { type Cidr, containsIp, familyOf, type Ip, kindOf, networkOf } from '../../values/ip.ts';

/** Kinds of address that lead into the reporter's own premises at most. */
const PRIVATE = new Set(['private', 'uniqueLocal']);
/** Kinds that are somewhere in particular on the internet. */
const PUBLIC = new Set(['unicast']);
/** An IPv6 site has at least this prefix: a reported address may differ from the observed one below it. */
const SITE_PREFIX = 64;

/** Addresses in the log, the conf and on the wire are canonical, so the host of one is an `Ip`. */
const ipOf = (endpoint: SocketAddress): Ip => hostOf(endpoint) as Ip;

const samePlace = (candidate: Ip, observed: Ip): boolean => {
  if (familyOf(candidate) === 4 || familyOf(observed) === 4) return candidate === observed;
  const site = (ip: Ip): Cidr => networkOf(`${ip}/${SITE_PREFIX}` as Cidr);
  return site(candidate) === site(observed);
};

/**
 * Whether an address that a peer reports may be told to others: a private one, or one where the server itself sees
 * the peer (IPv6: in the same /64); never one inside the network. Otherwise a peer could aim all others at a victim.
 */
export const isAcceptable = (
  candidate: SocketAddress,
  observed: SocketAddress | null,
  network: Cidr,
): boolean => {
  const ip = ipOf(candidate);
  if (containsIp(network, ip)) return false;
  const kind = kindOf(ip);
  if (PRIVATE.has(kind)) return true;
  return observed !== null && PUBLIC.has(kind) && samePlace(ip, ipOf(observed));
};
