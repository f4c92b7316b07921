/** The read models that every writer of a log keeps level with it, and the questions that they answer. */
import type { ReadModelSet } from '../store/projection.ts';
import { history } from './history-tables.ts';
import { peers } from './peers.ts';
import { SqliteQueries } from './sqlite-queries.ts';
import { topology } from './topology.ts';

export const READ_MODELS: ReadModelSet = {
  projections: [topology, peers, history],
  queries: (db) => new SqliteQueries(db),
};
