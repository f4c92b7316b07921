/** What a read model is to the store: a fold over commits into tables of the same file, in the same transaction. */
import type { Database, Statement } from 'better-sqlite3';
import type { RecordedCommit } from './commit.ts';

/** A read model. Its tables come from a migration; everything in them comes from `apply`. */
export interface Projection {
  name: string;
  /** Raised whenever `apply` would make other rows: the read model is then made again from the log. */
  version: number;
  /** All its tables and no others': a rebuild makes them afresh under other names and swaps. */
  tables: readonly string[];
  /** Takes one commit, inside the writer's transaction. It never refuses an event that it knows. */
  apply(models: ReadModels, commit: RecordedCommit): void;
}

/** The tables that read models are made in: the live ones, or their shadows during a rebuild. */
export class ReadModels {
  readonly #db: Database;
  readonly #prefix: string;
  readonly #statements = new Map<string, Statement>();

  constructor(db: Database, prefix = '') {
    this.#db = db;
    this.#prefix = prefix;
  }

  /** A statement, prepared once. A read model's table is written in braces: `INSERT INTO {peers} …`. */
  sql(text: string): Statement {
    const known = this.#statements.get(text);
    if (known) return known;
    const statement = this.#db.prepare(text.replace(/\{(\w+)\}/g, `${this.#prefix}$1`));
    this.#statements.set(text, statement);
    return statement;
  }
}
