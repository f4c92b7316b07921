/** Reads the log over its own connection; no statement stays open, for resets of the WAL. */
import type { Database, Statement } from 'better-sqlite3';
import type { EventRecord } from '../events/record.ts';
import { type Hash, NO_HASH, type Position } from '../values/id.ts';
import type { Commit, Head } from './log.ts';

/** In the order of `Cells`. */
export const COLUMNS =
  'position, commit_end, id, command_id, type, recorded_at, actor, body, salt, digest, hash';

/** A raw row: an array costs half of an object. */
export type Cells = [
  position: Position,
  commitEnd: Position,
  id: string,
  commandId: string,
  type: EventRecord['type'],
  recordedAt: EventRecord['recordedAt'],
  actor: string,
  body: string,
  salt: Uint8Array,
  digest: Hash,
  hash: Hash,
];

export const recordOf = (cells: Cells): EventRecord => {
  const [position, commitEnd, id, commandId, type, recordedAt, actor, body, salt, digest, hash] = cells;
  return { position, commitEnd, id, commandId, type, recordedAt, actor, body, salt, digest, hash };
};

export class LogReader {
  readonly #head: Statement<[], Head>;
  readonly #first: Statement<[], Hash>;
  readonly #page: Statement<[Position, number], Cells>;
  readonly #commit: Statement<[string, string], Commit>;
  readonly #answers: Statement<[], number>;
  readonly #dataVersion: Statement<[], number>;

  constructor(db: Database) {
    this.#head = db.prepare('SELECT position, hash FROM events ORDER BY position DESC LIMIT 1');
    this.#first = db.prepare<[], Hash>('SELECT hash FROM events WHERE position = 1').pluck();
    this.#page = db
      .prepare<[Position, number], Cells>(
        `SELECT ${COLUMNS} FROM events WHERE position > ? ORDER BY position LIMIT ?`,
      )
      .raw();
    this.#commit = db.prepare(`
      SELECT actor, command_id AS commandId, digest AS commandDigest, from_position AS "from", to_position AS "to"
      FROM commits WHERE actor = ? AND command_id = ?`);
    this.#answers = db.prepare<[], number>('SELECT count(*) FROM commits').pluck();
    this.#dataVersion = db.prepare<[], number>('PRAGMA data_version').pluck();
  }

  head(): Head {
    return this.#head.get() ?? { position: 0, hash: NO_HASH };
  }

  networkId(): Hash | undefined {
    return this.#first.get();
  }

  read(after: Position, limit: number): EventRecord[] {
    return this.#page.all(after, limit).map(recordOf);
  }

  commitOf(actor: string, commandId: string): Commit | undefined {
    return this.#commit.get(actor, commandId);
  }

  answers(): number {
    return this.#answers.get() ?? 0;
  }

  /** Changes when another connection has committed to the file. */
  dataVersion(): number {
    return this.#dataVersion.get() ?? 0;
  }
}
