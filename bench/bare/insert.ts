/** Yardstick: rows of the same columns and bytes, one insert a transaction, WAL with FULL; nothing of ours. */
import Database from 'better-sqlite3';

/** The columns of one record, in the order of the table. */
export type BareRow = [
  position: number,
  commitEnd: number,
  id: string,
  commandId: string,
  type: string,
  recordedAt: string,
  actor: string,
  body: string,
  salt: Uint8Array,
  digest: string,
  hash: string,
];

export class BareTable {
  readonly #db: Database.Database;
  readonly #insert: Database.Statement<unknown[]>;

  constructor(file: string) {
    this.#db = new Database(file);
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma('synchronous = FULL');
    this.#db.exec(`CREATE TABLE events (position INTEGER PRIMARY KEY, commit_end INTEGER, id TEXT,
      command_id TEXT, type TEXT, recorded_at TEXT, actor TEXT, body TEXT, salt BLOB, digest TEXT, hash TEXT)`);
    this.#insert = this.#db.prepare('INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  }

  /** Milliseconds for all of them, each on the disk before the next. */
  insert(rows: readonly BareRow[]): number {
    const begin = performance.now();
    for (const row of rows) this.#insert.run(row);
    return performance.now() - begin;
  }

  close(): void {
    this.#db.close();
  }
}
