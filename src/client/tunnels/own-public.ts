/** Whether this machine is on the internet with an address of its own: then no router translates what it sends. */
import { hostOf, type SocketAddress } from '../../values/endpoint.ts';
import { type Ip, kindOf } from '../../values/ip.ts';

/** The server may see such an address of a machine in its own premises, and the rest of the world another one. */
const ONLY_HERE = new Set(['private', 'uniqueLocal', 'linkLocal', 'carrierGradeNat', 'loopback']);

/** `seen` is where the server sees this machine, `addresses` are those of its devices but for the tunnel. */
export const isOwnPublic = (seen: SocketAddress, addresses: readonly { ip: Ip }[]): boolean => {
  const host = hostOf(seen) as Ip;
  return !ONLY_HERE.has(kindOf(host)) && addresses.some(({ ip }) => ip === host);
};
