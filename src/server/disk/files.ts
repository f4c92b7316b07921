/** Where a server's files lie: the same places as innernet's own, so that one can take over from the other. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { refuseOpenFolder } from '../../cli/durable-file.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';

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
  /** The greatest head that a client named and the log does not know: see `Claims`. */
  claims: string;
  /** Peers that were refused for want of a proof: see `UnprovedRefusals`. */
  unproved: string;
  /** The database of innernet's own server: read at an import, never written. */
  foreignDatabase: string;
};

export const filesOf = (network: InterfaceName, { configDir, dataDir }: Folders): NetworkFiles => ({
  conf: join(configDir, `${network}.conf`),
  log: join(dataDir, `${network}.events`),
  lock: join(dataDir, network),
  observations: join(dataDir, `${network}.observations`),
  claims: join(dataDir, `${network}.claims`),
  unproved: join(dataDir, `${network}.unproved`),
  foreignDatabase: join(dataDir, `${network}.db`),
});

/** Refuses folders into which every user of this machine may write. */
export const refuseOpenFolders = async ({ configDir, dataDir }: Folders): Promise<void> => {
  for (const folder of [configDir, dataDir]) if (existsSync(folder)) await refuseOpenFolder(folder);
};

/** Says that a file may not be used, by the system's own error, before SQLite says less. */
const refuseForbidden = (file: string): void => {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') throw error;
  }
};

/** The log of a network; a `Failure` with the way on where it is still one of innernet's own server. */
export const logOf = (network: InterfaceName, { log, foreignDatabase }: NetworkFiles): string => {
  refuseForbidden(log);
  if (existsSync(log) || !existsSync(foreignDatabase)) return log;
  throw new Failure(`${network} is a network of innernet's own server until it has been served here once`, {
    hint: `stop that server, then: innernet-server serve ${network}`,
  });
};
