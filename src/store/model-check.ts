/** Whether read models are what the log makes: they are made a second time, in memory, and compared row by row. */
import Database from 'better-sqlite3';
import type { RecordedCommit } from './commit.ts';
import { type Projection, ReadModels } from './projection.ts';

const tablesOf = (projections: readonly Projection[]): string[] =>
  projections.flatMap(({ tables }) => tables);

export class ModelCheck {
  readonly #db: Database.Database;
  readonly #projections: readonly Projection[];
  readonly #second = new Database(':memory:');
  readonly #models: ReadModels;

  /** `db` holds the read models that are in doubt. */
  constructor(db: Database.Database, projections: readonly Projection[]) {
    this.#db = db;
    this.#projections = projections;
    const definition = db
      .prepare<[string], string>(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)
      .pluck();
    for (const table of tablesOf(projections)) this.#second.exec(definition.get(table) ?? '');
    this.#models = new ReadModels(this.#second);
  }

  /** Every commit of the log, in order. */
  take(commits: readonly RecordedCommit[]): void {
    this.#second.transaction(() => {
      for (const commit of commits)
        for (const projection of this.#projections) projection.apply(this.#models, commit);
    })();
  }

  /** The read model, and its table, that is not what the commits make; undefined where all are. */
  differing(): { model: string; table: string } | undefined {
    for (const { name, tables } of this.#projections)
      for (const table of tables) if (!this.#isSame(table)) return { model: name, table };
    return undefined;
  }

  close(): void {
    this.#second.close();
  }

  #isSame(table: string): boolean {
    const rows = (db: Database.Database) =>
      db
        .prepare(`SELECT * FROM ${table} ORDER BY ${order(db, table)}`)
        .raw()
        .iterate();
    const [left, right] = [rows(this.#db), rows(this.#second)];
    try {
      for (;;) {
        const [a, b] = [left.next(), right.next()];
        if (a.done || b.done) return a.done === true && b.done === true;
        if (JSON.stringify(a.value) !== JSON.stringify(b.value)) return false;
      }
    } finally {
      left.return?.();
      right.return?.();
    }
  }
}

/** All columns by number: no two rows are the same in all of them. */
const order = (db: Database.Database, table: string): string =>
  (db.pragma(`table_info(${table})`) as unknown[]).map((_, index) => index + 1).join();
