/** While nobody serves a network, a verb takes from its server's own WireGuard whom the log no longer has. */
import type { Network } from '../../domain/network.ts';
import type { PublicKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { configsOf } from '../sessions/lingering-keys.ts';

/**
 * Removes each peer whose key the network does not have; how many that were. Others are left: `serve` brings them.
 * A device that is not there, or has another key, is not ours to change. Throws the device's `Failure`.
 */
export const letGo = async (name: InterfaceName, own: PublicKey, network: Network): Promise<number> => {
  const device = await openDevice(name);
  const state = await device?.read();
  if (!device || state?.publicKey !== own) return 0;
  const wanted = new Set<PublicKey>();
  for (const peer of network.peers()) for (const { publicKey } of configsOf(peer)) wanted.add(publicKey);
  const gone = [...state.peers.keys()].filter((key) => !wanted.has(key));
  await device.apply(gone.map((publicKey) => ({ kind: 'remove', publicKey })));
  return gone.length;
};
