/** Opens a network's log with this program's read models: the one place that chooses an engine. */
import type { EventLog } from '../store/log.ts';
import { type OpenOptions, openSqliteLog } from '../store/sqlite-log.ts';
import { READ_MODELS } from './projections.ts';

/** As `openSqliteLog`. */
export const openLog = (options: Omit<OpenOptions, 'readModels'>): Promise<EventLog> =>
  openSqliteLog({ ...options, readModels: READ_MODELS });
