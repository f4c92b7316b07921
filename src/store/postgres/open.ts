/** Opens a log that is in PostgreSQL, with the copy of it on this machine. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { PostgresAddress } from '../../values/postgres-address.ts';
import { type OpenOptions, openSqliteLog } from '../sqlite-log.ts';
import { PgLog } from './pg-log.ts';

/** The name of a log in its database: that of its file. */
export const networkOf = (file: string): string => basename(file).replace(/\.events$/, '');

/**
 * Opens the copy, or makes an empty one, to be filled by `refresh`. Throws `Failure` where a file is not a copy;
 * the database need not answer.
 */
export const openPgLog = async (options: OpenOptions, address: PostgresAddress): Promise<PgLog> => {
  const { file } = options;
  const mode = existsSync(file) ? 'open' : 'create';
  const replica = await openSqliteLog({ ...options, mode, isReplica: true });
  return new PgLog(replica, networkOf(file), address, options.migrate !== undefined);
};
