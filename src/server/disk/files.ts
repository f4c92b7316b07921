/** Paths of a server's files, the same as innernet 2.0's. */
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { refuseOpenFolder } from '../../machine/durable-file.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';

export type Folders = { configDir: string; dataDir: string };

export const DEFAULT_FOLDERS: Folders = {
  configDir: '/etc/innernet-server',
  dataDir: '/var/lib/innernet-server',
};

export type NetworkFiles = {
  conf: string;
  /** The witness is beside it (`witnessFile`). */
  log: string;
  /** A stem, see `ProcessLock`. */
  lock: string;
  /** Expendable. */
  observations: string;
  /** See `Claims`. */
  claims: string;
  /** See `UnprovedRefusals`. */
  unproved: string;
  /** See `RelayFile`. */
  relay: string;
  /** See `LentForwarding`. */
  relayForwarding: string;
  /** The same for phones. */
  phoneForwarding: string;
  /** See `TableLosses`. */
  tableLosses: string;
  /** See `relaySecret`. */
  relaySecret: string;
  /** See `StandingFile`. */
  standing: string;
  /** See `StandbyFile`. */
  standby: string;
  /** See `questionKey`. */
  questionKey: string;
  /** Of a standby: the server's secrets, sealed. */
  kit: string;
  /** How far `notify` is, unless another file was said. */
  notified: string;
  /** Of innernet 2.0's server: never written. */
  foreignDatabase: string;
};

export const filesOf = (network: InterfaceName, { configDir, dataDir }: Folders): NetworkFiles => ({
  conf: join(configDir, `${network}.conf`),
  log: join(dataDir, `${network}.events`),
  lock: join(dataDir, network),
  observations: join(dataDir, `${network}.observations`),
  claims: join(dataDir, `${network}.claims`),
  unproved: join(dataDir, `${network}.unproved`),
  relay: join(dataDir, `${network}.relay`),
  relayForwarding: join(dataDir, `${network}.relay-forwarding`),
  phoneForwarding: join(dataDir, `${network}.phone-forwarding`),
  tableLosses: join(dataDir, `${network}.table-losses`),
  relaySecret: join(dataDir, `${network}.relay-key`),
  standing: join(dataDir, `${network}.standing`),
  standby: join(dataDir, `${network}.standby`),
  questionKey: join(dataDir, `${network}.question-key`),
  kit: join(dataDir, `${network}.kit`),
  notified: join(dataDir, `${network}.notified`),
  foreignDatabase: join(dataDir, `${network}.db`),
});

/** Refuses folders that every user may write to. */
export const refuseOpenFolders = async ({ configDir, dataDir }: Folders): Promise<void> => {
  for (const folder of [configDir, dataDir]) if (existsSync(folder)) await refuseOpenFolder(folder);
};

/** The system's own error says more than SQLite's. */
const refuseForbidden = (file: string): void => {
  try {
    accessSync(file, constants.R_OK | constants.W_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') throw error;
  }
};

/** Throws a `Failure` where there is only innernet 2.0's database. */
export const logOf = (network: InterfaceName, { log, foreignDatabase }: NetworkFiles): string => {
  refuseForbidden(log);
  if (existsSync(log) || !existsSync(foreignDatabase)) return log;
  throw new Failure(`${network} is a network of innernet 2.0's server until it has been served here once`, {
    hint: `stop that server, then: innernet-server serve ${network}`,
  });
};
