/** Opens the log of a machine that follows another one, with this program's read models. */
import { ReplicaLog, type ReplicaOptions } from '../store/replica-log.ts';
import { READ_MODELS } from './projections.ts';

/** As `ReplicaLog.open`. */
export const openReplica = (options: Omit<ReplicaOptions, 'readModels'>): Promise<ReplicaLog> =>
  ReplicaLog.open({ ...options, readModels: READ_MODELS });
