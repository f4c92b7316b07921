/** When peers were last seen: handshakes of the device and of the file. */
import type { Peer } from '../../domain/peer.ts';
import type { SeenPeer } from '../../protocol/rows.ts';
import type { PeerId } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { Timestamp } from '../../values/time.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { rememberedHandshakes } from './observation-file.ts';

/** An unreadable device counts as none. */
const onDevice = async (network: InterfaceName) => {
  try {
    return (await (await openDevice(network))?.read())?.peers;
  } catch {
    return undefined;
  }
};

export const lastSeen = async (
  network: InterfaceName,
  file: string,
  peers: Iterable<Peer>,
): Promise<SeenPeer[]> => {
  const remembered = rememberedHandshakes(file);
  const present = await onDevice(network);
  return [...peers].flatMap(({ id, publicKey }) =>
    seenRow(id, remembered.get(id), present?.get(publicKey)?.latestHandshake),
  );
};

/** The latest handshake, in milliseconds since 1970. */
export const seenRow = (peerId: PeerId, ...handshakes: (number | undefined)[]): SeenPeer[] => {
  const known = handshakes.filter((each) => each !== undefined);
  if (known.length === 0) return [];
  return [{ peerId, last: Timestamp.parse(new Date(Math.max(...known)).toISOString()) }];
};
