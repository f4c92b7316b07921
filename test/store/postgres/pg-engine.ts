// The engine in PostgreSQL for the suite that all engines pass: further programs on the same machine, or on others.
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { READ_MODELS } from '../../../src/projections/projections.ts';
import type { EventLog } from '../../../src/store/log.ts';
import { openPgLog } from '../../../src/store/postgres/open.ts';
import type { PgLog } from '../../../src/store/postgres/pg-log.ts';
import { Session } from '../../../src/store/postgres/primary.ts';
import { beginLog, prepareTables } from '../../../src/store/postgres/tables.ts';
import { parsePostgresAddress } from '../../../src/values/postgres-address.ts';
import type { Engine } from '../log-conformance.ts';
import { tempFolder, tempLog } from '../temp-log.ts';
import type { Cluster } from './cluster.ts';

/** An empty log of "acme" in a new database; gives the address. */
export const emptyLog = async (cluster: Cluster): Promise<string> => {
  const address = await cluster.database();
  const session = await Session.open(parsePostgresAddress(address));
  await prepareTables(session);
  await beginLog(session, 'acme', 'here');
  session.close();
  return address;
};

/** Opens acme's log with its copy in `folder`; closed when the test is over. */
export const openAt = async (address: string, folder = tempFolder()): Promise<PgLog> => {
  const file = join(folder, 'acme.events');
  const log = await openPgLog({ file, readModels: READ_MODELS }, parsePostgresAddress(address));
  onTestFinished(() => log.close());
  await log.refresh();
  return log;
};

/** `tampered` makes another log of each that is opened. */
export const postgres = (
  name: string,
  cluster: () => Cluster,
  { isOneMachine, tampered = (log) => log }: { isOneMachine: boolean; tampered?: (log: PgLog) => EventLog },
): Engine => ({
  name,
  create: async () => {
    const address = await emptyLog(cluster());
    const folder = tempFolder();
    const open = async (own: string) => tampered(await openAt(address, own));
    const beside = () => open(folder);
    return { log: await open(folder), beside, other: isOneMachine ? beside : () => open(tempFolder()) };
  },
  restored: (file) => tempLog({ file }),
  level: (log) => (log as PgLog).refresh(),
});
