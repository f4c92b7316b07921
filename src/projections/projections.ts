/** The read models that every writer keeps level with its log, and their questions. */
import type { ReadModelSet } from '../store/projection.ts';
import { history } from './history-tables.ts';
import { peers } from './peers.ts';
import { SqliteQueries } from './sqlite-queries.ts';
import { topology } from './topology.ts';

export const READ_MODELS: ReadModelSet = {
  projections: [topology, peers, history],
  queries: (db) => new SqliteQueries(db),
};
