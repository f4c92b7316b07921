/** This machine in a network, for the page: its address, and the ways that its tunnels take. */
import type { GlobalOptions } from '../../cli/options.ts';
import type { TunnelWay } from '../../protocol/page.ts';
import type { Own } from '../../ui/answers.ts';
import type { PeerId } from '../../values/id.ts';
import { Ip } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type PeerReport, reportOf } from './report.ts';

const wayOf = ({ isConnected, unreached, path }: PeerReport): TunnelWay['way'] => {
  if (isConnected) return path?.kind ?? 'direct';
  return unreached === null ? 'silent' : 'trying';
};

/** Of this machine's tunnels, the one to itself left out. */
export const waysIn = (peers: readonly PeerReport[]): TunnelWay[] =>
  peers.filter(({ isSelf }) => !isSelf).map((peer) => ({ peerId: peer.id as PeerId, way: wayOf(peer) }));

/** Throws a `Failure` when the network is not installed. */
export const ownOf = async (network: InterfaceName, options: GlobalOptions): Promise<Own> => {
  const { ip } = await reportOf(network, options);
  return { ip: Ip.parse(ip), ways: async () => waysIn((await reportOf(network, options)).peers) };
};
