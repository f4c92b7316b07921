/** Where a server's files lie: the same places as innernet's own, so that one can take over from the other. */
import { join } from 'node:path';
import type { InterfaceName } from '../values/name.ts';

export type Folders = { configDir: string; dataDir: string };

export const DEFAULT_FOLDERS: Folders = {
  configDir: '/etc/innernet-server',
  dataDir: '/var/lib/innernet-server',
};

export type NetworkFiles = {
  /** Private key, port and address. */
  conf: string;
  /** The log; its witness lies beside it (`witnessFile`). */
  log: string;
  /** Held by the one `serve` of the network; a stem, see `ProcessLock`. */
  lock: string;
  /** Last seen endpoints, written lazily; may be thrown away. */
  observations: string;
  /** The database of innernet's own server: read at an import, never written. */
  foreignDatabase: string;
};

export const filesOf = (network: InterfaceName, { configDir, dataDir }: Folders): NetworkFiles => ({
  conf: join(configDir, `${network}.conf`),
  log: join(dataDir, `${network}.events`),
  lock: join(dataDir, network),
  observations: join(dataDir, `${network}.observations`),
  foreignDatabase: join(dataDir, `${network}.db`),
});
