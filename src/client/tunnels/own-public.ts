/** Whether this machine has its own public address, without a router that translates. */
import { hostOf, type SocketAddress } from '../../values/endpoint.ts';
import { type Ip, kindOf } from '../../values/ip.ts';

/** Seen only by a server on the same premises; the rest of the world may see another address. */
const ONLY_HERE = new Set(['private', 'uniqueLocal', 'linkLocal', 'carrierGradeNat', 'loopback']);

/** `seen`: by the server; `addresses`: of the devices without the tunnel. */
export const isOwnPublic = (seen: SocketAddress, addresses: readonly { ip: Ip }[]): boolean => {
  const host = hostOf(seen) as Ip;
  return !ONLY_HERE.has(kindOf(host)) && addresses.some(({ ip }) => ip === host);
};
