/** Where a client keeps what belongs to a network: innernet's paths, and a few of our own beside them. */
import { join } from 'node:path';
import { networksIn } from '../../cli/networks.ts';
import type { InterfaceName } from '../../values/name.ts';

export type Folders = { configDir: string; dataDir: string };

export type NetworkPaths = {
  conf: string;
  /** A key that was made for an invitation and is not known to be accepted yet. */
  pending: string;
  state: string;
  journal: string;
  /** Whether the server is known to prove itself. */
  proved: string;
  /** What time it is at the server, as one program leaves it to the next; gone with a restart. */
  moment: string;
  /** Where the process that owns the network on this machine listens. */
  socket: string;
};

/** The folder of the owners' sockets; root's alone. */
const RUN_FOLDER = '/run/innernet';

export const pathsOf = (network: InterfaceName, { configDir, dataDir }: Folders): NetworkPaths => ({
  conf: join(configDir, `${network}.conf`),
  pending: join(configDir, `${network}.pending`),
  state: join(dataDir, `${network}.json`),
  journal: join(dataDir, `${network}.journal`),
  proved: join(dataDir, `${network}.proved`),
  moment: join(RUN_FOLDER, `${network}.moment`),
  socket: join(RUN_FOLDER, `${network}.sock`),
});

/** The networks that this machine has joined, by name. */
export const installedNetworks = async (folders: Folders): Promise<InterfaceName[]> => networksIn(folders);
