/**
 * Rules for a change of way: packets by the relay that are still under way look as if they had come directly, so
 * that WireGuard does not go back to the relay for them.
 */
import { hostOf, portOf, type SocketAddress } from '../values/endpoint.ts';
import { familyOf, type Ip } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import type { Chain, FilterTable } from './filter-table.ts';

export type Swap = {
  relay: SocketAddress;
  place: SocketAddress;
  listenPort: number;
  /** The receiver index of this end's session, as nftables reads it. */
  index: number;
};

export const swapTableName = (network: InterfaceName): string => `innernet-swap-${network}`;

const ipOf = (place: SocketAddress): Ip => hostOf(place) as Ip;

/** A rule changes addresses within one family. */
export const canSwap = ({ relay, place }: Pick<Swap, 'relay' | 'place'>): boolean =>
  familyOf(ipOf(relay)) === familyOf(ipOf(place));

/** WireGuard's data (type 4, then the receiver's index), before connection tracking sees it. */
const ruleOf = ({ relay, place, listenPort, index }: Swap): string => {
  const ip = familyOf(ipOf(relay)) === 4 ? 'ip' : 'ip6';
  return [
    `${ip} saddr ${ipOf(relay)} udp sport ${portOf(relay)} udp dport ${listenPort}`,
    `@th,64,32 0x04000000 @th,96,32 0x${index.toString(16).padStart(8, '0')}`,
    `counter udp sport set ${portOf(place)} ${ip} saddr set ${ipOf(place)}`,
  ].join(' ');
};

/** Without swaps there is none. */
export const swapTable = (network: InterfaceName, swaps: readonly Swap[]): FilterTable => {
  const chain: Chain = {
    name: 'in',
    at: { hook: 'prerouting', priority: 'raw' },
    rules: swaps.map(ruleOf),
  };
  return { name: swapTableName(network), chains: swaps.length > 0 ? [chain] : [] };
};
