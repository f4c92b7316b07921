/** The step of the server's `doctor` that looks at its relay. */
import { type Look, ok, warning } from '../../cli/examining.ts';
import type { Network } from '../../domain/network.ts';
import { passedByKernel } from '../../filter/relay-ways.ts';
import { rememberedAddresses } from '../../relay/relay-file.ts';
import { isUdpPortOpen } from '../../relay/udp-port.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { SERVER_PEER } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { isLive, type PeerState } from '../../wireguard/device.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { type Folders, filesOf } from '../disk/files.ts';
import { rememberedCandidates } from '../observations/observation-file.ts';

/** One peer alone meets nobody at a relay. */
const MIN_PEERS = 2;

export type RelayFacts = {
  network: string;
  /** Undefined: the server is no relay. */
  port: number | undefined;
  isServed: boolean;
  isPortOpen: boolean;
  /** Peers with a session with the server that do not have an address of their own there: others need no relay. */
  behindRouters: number;
  /** Peers whose mailbox was heard at the port. */
  heard: number;
  /** Packets; null: the program passes data. */
  byKernel: number | null;
};

export const judgeRelay = ({
  network,
  port,
  isServed,
  isPortOpen,
  behindRouters,
  heard,
  byKernel,
}: RelayFacts): Look => {
  if (port === undefined)
    return ok(`none: peers that find no direct way cannot talk (innernet-server set-relay ${network})`);
  if (!isServed)
    return warning('not looked at: the network is not served', `innernet-server serve ${network}`);
  if (!isPortOpen)
    return warning(
      `UDP port ${port} is not open here`,
      `see who has it: ss -ulpn 'sport = :${port}'; or choose another: innernet-server set-relay ${network} --port N`,
    );
  if (heard === 0 && behindRouters >= MIN_PEERS)
    return warning(
      `${behindRouters} peers behind routers were told of UDP port ${port}, and none was heard there`,
      `let UDP port ${port} through to this machine (clients of earlier versions do not use it)`,
    );
  const open = `UDP port ${port} is open, and ${heard} peer${heard === 1 ? ' was' : 's were'} heard there`;
  if (byKernel !== null) return ok(`${open}; the kernel has passed on ${byKernel} packets`);
  return warning(
    `${open}; innernet-server passes data on, which is slower than nftables`,
    `see why: journalctl -u innernet-server@${network} | grep relay`,
  );
};

export const lookAtRelay = async (
  { network, folders }: { network: InterfaceName; folders: Folders },
  state: Network,
): Promise<Look> => {
  const files = filesOf(network, folders);
  const port = state.relays().find(({ peer }) => peer.id === SERVER_PEER)?.port;
  const device = await openDevice(network);
  const connected = [...((await device?.read())?.peers.values() ?? [])].filter((peer) =>
    isLive(peer, Date.now()),
  );
  const own = rememberedCandidates(files.observations);
  const ownOf = new Map(Array.from(state.peers(), ({ id, publicKey }) => [publicKey, own.get(id) ?? []]));
  const isBehind = ({ publicKey, endpoint }: PeerState): boolean => {
    const places = ownOf.get(publicKey) ?? [];
    return places.length > 0 && (endpoint === undefined || !places.includes(endpoint));
  };
  return judgeRelay({
    network,
    port,
    isServed: ProcessLock.isHeld(files.lock),
    isPortOpen: port !== undefined && isUdpPortOpen(port),
    behindRouters: connected.filter(isBehind).length,
    heard: rememberedAddresses(files.relay).length,
    byKernel: (await passedByKernel(network))?.sent ?? null,
  });
};
