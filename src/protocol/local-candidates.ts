/** Candidates of this machine: its own addresses. */
import { endpointOf, type SocketAddress } from '../values/endpoint.ts';
import { type Cidr, containsIp, familyOf, type Ip, kindOf } from '../values/ip.ts';
import { MAX_CANDIDATES } from './frames.ts';

/** Kinds that other peers cannot reach; like innernet, also unique-local and documentation IPv6. */
const USELESS = ['loopback', 'multicast', 'linkLocal', 'unspecified', 'broadcast'];
const USELESS6 = ['uniqueLocal', 'reserved'];

/** At most `MAX_CANDIDATES`, with WireGuard's port; none in the network's own range. */
export const candidatesFrom = (
  addresses: readonly { ip: Ip }[],
  listenPort: number,
  network: Cidr,
): SocketAddress[] =>
  addresses
    .map(({ ip }) => ip)
    .filter((ip) => !containsIp(network, ip) && !USELESS.includes(kindOf(ip)))
    .filter((ip) => familyOf(ip) === 4 || !USELESS6.includes(kindOf(ip)))
    .slice(0, MAX_CANDIDATES)
    .map((ip) => endpointOf(ip, listenPort) as SocketAddress);
