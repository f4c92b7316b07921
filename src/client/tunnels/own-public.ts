/** Whether this machine has its own public address, without a router that translates. */
import { hostOf, type SocketAddress } from '../../values/endpoint.ts';
import { type Ip, kindOf } from '../../values/ip.ts';

/** The server on the same premises may see such an address while the rest of the world sees another. */
const ONLY_HERE = new Set(['private', 'uniqueLocal', 'linkLocal', 'carrierGradeNat', 'loopback']);

/** `seen` is this machine as the server sees it, `addresses` those of its devices without the tunnel. */
export const isOwnPublic = (seen: SocketAddress, addresses: readonly { ip: Ip }[]): boolean => {
  const host = hostOf(seen) as Ip;
  return !ONLY_HERE.has(kindOf(host)) && addresses.some(({ ip }) => ip === host);
};
