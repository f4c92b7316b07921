/** What a read model is to the store: a fold over commits into tables of the same file, in the same transaction. */
import type { Database, Statement } from 'better-sqlite3';
import type { RecordedCommit } from './commit.ts';
import type { LogQueries } from './queries.ts';

/** A read model. Its tables come from a migration; everything in them comes from `apply`. */
export interface Projection {
  name: string;
  /** Raised whenever `apply` would make other rows: the read model is then made again from the log. */
  version: number;
  /** All its tables and no others': a rebuild empties them. */
  tables: readonly string[];
  /** Takes one commit, inside the writer's transaction. It never refuses an event that it knows. */
  apply(models: ReadModels, commit: RecordedCommit): void;
}

/** The read models of a program, and what answers questions from them over a reading connection. */
export type ReadModelSet = {
  projections: readonly Projection[];
  queries: (db: Database) => LogQueries;
};

/** The statements of read models, on the connection whose transaction they belong to. */
export class ReadModels {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** A statement, prepared once. */
  sql(text: string): Statement {
    const known = this.#statements.get(text);
    if (known) return known;
    const statement = this.#db.prepare(text);
    this.#statements.set(text, statement);
    return statement;
  }
}
