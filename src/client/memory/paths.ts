/** A client's paths for a network: innernet 2.0's, and some of our own. */
import { join } from 'node:path';
import { clientPlace, RUN_FOLDER } from '../../caller/client-place.ts';
import { networksIn } from '../../cli/networks.ts';
import type { InterfaceName } from '../../values/name.ts';

export type Folders = { configDir: string; dataDir: string };

export type NetworkPaths = {
  conf: string;
  /** A key for an invitation, not known to be accepted. */
  pending: string;
  /** The machine's key for signatures. */
  signing: string;
  state: string;
  journal: string;
  /** Whether the server proves itself. */
  proved: string;
  /** See `RelayFile`, `LentForwarding` and `readServed`: of this machine as a relay. */
  relay: string;
  relayForwarding: string;
  served: string;
  /** See `Exit`. */
  exit: string;
  /** See `readCarried`, `LentForwarding` and `LentEverywhere`: of this machine as a router. */
  carried: string;
  routerForwarding: string;
  routerSysctls: string;
  /** The server's time; lost at restart. */
  moment: string;
  /** Of the network's owner. */
  socket: string;
  /** See `readPromoted`. */
  promoted: string;
};

export const pathsOf = (network: InterfaceName, { configDir, dataDir }: Folders): NetworkPaths => ({
  pending: join(configDir, `${network}.pending`),
  signing: join(configDir, `${network}.signing`),
  proved: join(dataDir, `${network}.proved`),
  relay: join(dataDir, `${network}.relay`),
  relayForwarding: join(dataDir, `${network}.relay-forwarding`),
  served: join(dataDir, `${network}.served`),
  exit: join(dataDir, `${network}.exit`),
  carried: join(dataDir, `${network}.carried`),
  routerForwarding: join(dataDir, `${network}.router-forwarding`),
  routerSysctls: join(dataDir, `${network}.router-sysctls`),
  moment: join(RUN_FOLDER, `${network}.moment`),
  ...clientPlace(network, { configDir, dataDir }),
});

/** The networks that this machine has joined, by name. */
export const installedNetworks = async (folders: Folders): Promise<InterfaceName[]> => networksIn(folders);
