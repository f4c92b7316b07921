/** Opens a network's log with this program's read models: the one place that chooses an engine. */
import type { EventLog } from '../store/log.ts';
import { type OpenOptions, openSqliteLog } from '../store/sqlite-log.ts';
import type { PostgresAddress } from '../values/postgres-address.ts';
import { READ_MODELS } from './projections.ts';

type Options = Omit<OpenOptions, 'readModels'> & {
  /** Where the log is, of which the file is a copy; absent: in the file. */
  postgres?: PostgresAddress | undefined;
};

/** As `openSqliteLog`. A log in PostgreSQL is as its copy was left, until `refresh`. */
export const openLog = async ({ postgres, ...own }: Options): Promise<EventLog> => {
  const options = { ...own, readModels: READ_MODELS };
  if (!postgres) return openSqliteLog(options);
  const { openPgLog } = await import('../store/postgres/open.ts');
  return openPgLog(options, postgres);
};
