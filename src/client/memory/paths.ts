/** Where a client keeps what belongs to a network: innernet's paths, and a few of our own beside them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { InterfaceName } from '../../values/name.ts';

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
export const installedNetworks = async ({ configDir }: Folders): Promise<InterfaceName[]> => {
  const names = await readdir(configDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith('.conf'))
    .map((name) => InterfaceName.safeParse(name.slice(0, -'.conf'.length)).data)
    .filter((name) => name !== undefined)
    .sort();
};
