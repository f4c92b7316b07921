/** Reads the database of innernet 2.0's server (schema: its `server/src/db`) and locks it meanwhile. */

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import Database from 'better-sqlite3';
import { sha256 } from '../machine/sha256.ts';
import { Failure } from '../values/failure.ts';
import type { Hash } from '../values/id.ts';
import { APPLICATION_ID } from './migrate.ts';

/** The newest `user_version` that innernet has made. */
export const FOREIGN_VERSION = 2;

/** Columns since version 0. */
const TABLES = {
  cidrs: ['id', 'name', 'ip', 'prefix', 'parent'],
  peers: ['id', 'name', 'ip', 'public_key', 'endpoint', 'cidr_id', 'is_admin', 'is_disabled', 'is_redeemed'],
  associations: ['id', 'cidr_id_1', 'cidr_id_2'],
} as const;
type Table = keyof typeof TABLES;

const LATER: { since: number; column: string }[] = [
  { since: 1, column: 'invite_expires' },
  { since: 2, column: 'candidates' },
];

/** Starts every SQLite file; bytes 18 and 19 are 2 with a write-ahead log. */
const MAGIC = 'SQLite format 3\u0000';

export class ForeignDatabase {
  /** `user_version` 0, 1 or 2. */
  readonly version: number;
  /** Of the bytes, read through SQLite, since closing the file would drop the lock. */
  readonly sha256: Hash;
  readonly #db: Database.Database;

  private constructor(db: Database.Database, version: number, digest: Hash) {
    this.#db = db;
    this.version = version;
    this.sha256 = digest;
  }

  /**
   * Locks the file exclusively and checks it; SQLite may play back a journal left by a crash. Throws
   * `Failure`: no database, damaged, newer version, in use.
   */
  static open(file: string): ForeignDatabase {
    refuseByHeader(file);
    const db = connect(file);
    try {
      db.pragma('trusted_schema = 0');
      db.exec('BEGIN EXCLUSIVE');
      refuseOther(db, file);
      const version = versionOf(db, file);
      refuseDamaged(db, file);
      for (const table of Object.keys(TABLES) as Table[]) refuseWithout(db, table, version, file);
      return new ForeignDatabase(db, version, sha256(db.serialize()));
    } catch (error) {
      db.close();
      throw explained(error, file);
    }
  }

  /** A table's rows by id, as SQLite gives them. */
  rows(table: Table): unknown[] {
    const columns = columnsOf(table, this.version).join(', ');
    return this.#db.prepare(`SELECT ${columns} FROM ${table} ORDER BY id`).all();
  }

  close(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.#db.close();
  }
}

/** SHA-256 of a file's bytes. */
export const hashOfFile = (file: string): Hash => sha256(readFileSync(file));

const columnsOf = (table: Table, version: number): string[] => [
  ...TABLES[table],
  ...(table === 'peers' ? LATER.filter(({ since }) => since <= version).map(({ column }) => column) : []),
];

/** Before SQLite, which would change a write-ahead log by opening it; innernet never has one. */
const refuseByHeader = (file: string): void => {
  const header = Buffer.alloc(20);
  const fd = openSync(file, 'r');
  try {
    if (readSync(fd, header, 0, header.length, 0) < header.length) throw notInnernets(file);
  } finally {
    closeSync(fd);
  }
  if (header.toString('latin1', 0, 16) !== MAGIC) throw notInnernets(file);
  if (header[18] !== 2 && header[19] !== 2) return;
  throw new Failure(`${file} uses a write-ahead log, which innernet never does`, {
    hint: `stop what uses it, then: sqlite3 ${file} 'PRAGMA journal_mode = delete'`,
  });
};

const connect = (file: string): Database.Database => {
  try {
    return new Database(file, { fileMustExist: true, timeout: 0 });
  } catch (error) {
    throw explained(error, file);
  }
};

const refuseOther = (db: Database.Database, file: string): void => {
  if (db.pragma('application_id', { simple: true }) === APPLICATION_ID)
    throw new Failure(`${file} is a log of this program, not a database of innernet 2.0's server`);
};

const versionOf = (db: Database.Database, file: string): number => {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version >= 0 && version <= FOREIGN_VERSION) return version;
  throw new Failure(
    `${file} has schema version ${version}, and this program knows innernet 2.0's up to ${FOREIGN_VERSION}`,
    { hint: 'a newer innernet-server has written it; upgrade this one' },
  );
};

const refuseDamaged = (db: Database.Database, file: string): void => {
  const found = String(db.pragma('quick_check(1)', { simple: true }));
  if (found !== 'ok') throw damaged(file, found.split('\n')[0] ?? found);
};

/** Refuses views and virtual tables too. */
const refuseWithout = (db: Database.Database, table: Table, version: number, file: string): void => {
  const sql = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? AND rootpage > 0`;
  if (!db.prepare(sql).get(table)) throw notInnernets(file, `it has no table ${table}`);
  const found = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table);
  const missing = columnsOf(table, version).find((column) => !found.includes(column));
  if (missing) throw notInnernets(file, `its table ${table} has no column ${missing}`);
};

const notInnernets = (file: string, why = 'it is no SQLite database'): Failure =>
  new Failure(`${file} is not a database of innernet 2.0's server: ${why}`, {
    hint: 'put the right file there, or move this one away',
  });

const damaged = (file: string, what: string, cause?: unknown): Failure =>
  new Failure(`${file} is damaged: ${what}`, { hint: 'put a backup of it back', cause });

const explained = (error: unknown, file: string): unknown => {
  if (!(error instanceof Database.SqliteError)) return error;
  if (error.code.startsWith('SQLITE_BUSY'))
    return new Failure(`another program holds the lock of ${file}`, {
      hint: `see who has it open: fuser ${file}`,
      cause: error,
    });
  if (error.code === 'SQLITE_NOTADB') return notInnernets(file);
  if (error.code.startsWith('SQLITE_CORRUPT')) return damaged(file, error.message, error);
  return new Failure(`${file} cannot be read: ${error.message}`, { cause: error });
};
