/** Yardstick: reading every record's columns and parsing the bodies, with SHA-256 or without; nothing of ours. */
import { hash } from 'node:crypto';
import Database from 'better-sqlite3';

const COLUMNS = 'position, commit_end, id, command_id, type, recorded_at, actor, body, salt, digest, hash';

/** Rows at once; all of them in one array is slower. */
const PAGE = 1_000;

export class BareReader {
  readonly #db: Database.Database;
  readonly #page: Database.Statement<[number, number], Cells>;

  constructor(file: string) {
    this.#db = new Database(file, { readonly: true });
    this.#page = this.#db
      .prepare<[number, number], Cells>(
        `SELECT ${COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?`,
      )
      .raw();
  }

  /** Milliseconds to read all. */
  read(): number {
    return this.#time(() => {});
  }

  /** Milliseconds to read and parse all. */
  parse(): number {
    return this.#time((row) => JSON.parse(row[7]));
  }

  /** The same and two times SHA-256 a record, as a chain needs: over its texts, and over its digest and the one before. */
  parseAndHash(): number {
    let previous = '';
    return this.#time((row) => {
      JSON.parse(row[7]);
      hash('sha256', previous + row[9]);
      previous = row[10];
      hash('sha256', row[1] + row[2] + row[3] + row[4] + row[5] + row[6] + row[7]);
    });
  }

  close(): void {
    this.#db.close();
  }

  #time(take: (row: Cells) => void): number {
    const begin = performance.now();
    for (let after = 0; ; ) {
      const rows = this.#page.all(after, PAGE);
      for (const row of rows) take(row);
      const last = rows.at(-1);
      if (!last) return performance.now() - begin;
      after = last[0];
    }
  }
}

type Cells = [
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
