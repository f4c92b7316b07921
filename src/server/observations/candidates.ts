/** Pure rules against abuse: which reported addresses are passed on. */
import { hostOf, type SocketAddress } from '../../values/endpoint.ts';
import { type Cidr, containsIp, familyOf, type Ip, kindOf, networkOf } from '../../values/ip.ts';

/** Kinds that lead at most into the reporter's own premises. */
const PRIVATE = new Set(['private', 'uniqueLocal']);
/** Kinds that name one place on the internet. */
const PUBLIC = new Set(['unicast']);
/** An IPv6 site has at least this prefix. */
const SITE_PREFIX = 64;

/** Addresses are canonical, so their host is an `Ip`. */
const ipOf = (endpoint: SocketAddress): Ip => hostOf(endpoint) as Ip;

const samePlace = (candidate: Ip, observed: Ip): boolean => {
  if (familyOf(candidate) === 4 || familyOf(observed) === 4) return candidate === observed;
  const site = (ip: Ip): Cidr => networkOf(`${ip}/${SITE_PREFIX}` as Cidr);
  return site(candidate) === site(observed);
};

/**
 * Whether a reported address may be passed on: a private one, or where the server sees the peer (IPv6: the
 * same /64); never one inside the network. Otherwise a peer could aim all others at a victim.
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
