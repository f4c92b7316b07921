/** The contract of read models: folds over commits into tables, in the log's transaction. */
import type { Database, Statement } from 'better-sqlite3';
import type { RecordedCommit } from './commit.ts';
import type { LogQueries } from './queries.ts';

/** A migration makes its tables; `apply` alone fills them. */
export interface Projection {
  name: string;
  /** Raised when `apply` makes other rows; the read model is then rebuilt. */
  version: number;
  /** Its own tables alone; a rebuild empties them. */
  tables: readonly string[];
  /** Takes a commit in the writer's transaction; never refuses a known event. */
  apply(models: ReadModels, commit: RecordedCommit): void;
}

export type ReadModelSet = {
  projections: readonly Projection[];
  queries: (db: Database) => LogQueries;
};

/** Prepared statements on the connection of the transaction. */
export class ReadModels {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement>();

  constructor(db: Database) {
    this.#db = db;
  }

  sql(text: string): Statement {
    const known = this.#statements.get(text);
    if (known) return known;
    const statement = this.#db.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }
}
