/** Removes deleted peers from the server's device while the network is not served. */
import type { Network } from '../../domain/network.ts';
import type { PublicKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { configsOf } from '../sessions/lingering-keys.ts';

/**
 * Returns how many. Missing peers are left to `serve`. A device with another key is not ours to change.
 * Throws the device's `Failure`.
 */
export const letGo = async (name: InterfaceName, own: PublicKey, network: Network): Promise<number> => {
  const device = await openDevice(name);
  const state = await device?.read();
  if (!device || state?.publicKey !== own) return 0;
  const wanted = new Set<PublicKey>(network.questionKey === null ? [] : [network.questionKey]);
  for (const peer of network.peers()) for (const { publicKey } of configsOf(peer)) wanted.add(publicKey);
  const gone = [...state.peers.keys()].filter((key) => !wanted.has(key));
  await device.apply(gone.map((publicKey) => ({ kind: 'remove', publicKey })));
  return gone.length;
};
