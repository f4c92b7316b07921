/** Opens the log's file: settings are read back, foreign and newer files refused. */

import { closeSync, existsSync, linkSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { syncPath } from '../machine/durable.ts';
import { Failure } from '../values/failure.ts';
import { APPLICATION_ID, migrate, REPLICA_ID, SCHEMA_VERSION, schemaVersion } from './migrate.ts';

/** No lock is held longer than 50 ms. */
export const MAX_LOCK_WAIT_MS = 5_000;

const FULL = 2;

const pragma = (db: Database.Database, name: string, value: string | number, readBack = value): void => {
  db.pragma(`${name} = ${value}`);
  const actual = db.pragma(name, { simple: true });
  if (actual !== readBack)
    throw new Failure(`the log needs SQLite's ${name} = ${value}, but it stays ${actual}`);
};

/** Read back since `synchronous`, for one, falls back to NORMAL when a WAL file is opened again. */
const configure = (db: Database.Database, access: 'read' | 'write'): void => {
  pragma(db, 'journal_mode', 'wal');
  pragma(db, 'synchronous', FULL);
  pragma(db, 'foreign_keys', 1);
  pragma(db, 'recursive_triggers', 1);
  pragma(db, 'trusted_schema', 0);
  pragma(db, 'wal_autocheckpoint', 0); // the writer does it itself, after the answer
  if (access === 'read') pragma(db, 'query_only', 1);
};

/** SQLite would play a stray journal into the file; the log never has one. */
const refuseJournal = (file: string): void => {
  if (!existsSync(`${file}-journal`)) return;
  throw new Failure(`${file}-journal does not belong to this log, and opening the log would play it in`, {
    hint: `move ${file}-journal away`,
  });
};

const identify = (db: Database.Database, file: string): void => {
  const id = db.pragma('application_id', { simple: true });
  if (id !== APPLICATION_ID && id !== REPLICA_ID) throw new Failure(`${file} is not a log of this program`);
};

const notOurs = (error: unknown, file: string): Error => {
  const code = error instanceof Database.SqliteError ? error.code : '';
  if (code === 'SQLITE_NOTADB') return new Failure(`${file} is not a log of this program`, { cause: error });
  if (code === 'SQLITE_BUSY') return new LockHeld(file, error);
  if (code === 'SQLITE_CANTOPEN')
    return new Failure(`${file} cannot be opened`, { hint: 'run it as root, with sudo', cause: error });
  return error as Error;
};

/** Another program held the lock longer than this connection waits. */
export class LockHeld extends Failure {
  constructor(file: string, cause: unknown) {
    super(`another program has held the lock of ${file} for ${MAX_LOCK_WAIT_MS / 1000} s`, {
      hint: `see who has it open: fuser ${file}`,
      cause,
    });
  }
}

/** Throws `Failure` for an older or a newer schema. */
export const checkSchema = (db: Database.Database, file: string): void => {
  const version = schemaVersion(db);
  if (version > SCHEMA_VERSION) {
    throw new Failure(
      `${file} has schema version ${version}, and this program knows ${SCHEMA_VERSION} at most`,
      { hint: 'a newer innernet-server has written it; upgrade this one' },
    );
  }
  if (version < SCHEMA_VERSION) {
    throw new Failure(`${file} has schema version ${version}, and this program needs ${SCHEMA_VERSION}`, {
      hint: 'start innernet-server serve of this version once: it brings the file up to date',
    });
  }
};

/**
 * A connection with verified settings. Throws `Failure` if the file is missing, locked or no log. Callers
 * check the schema, since some migrate.
 */
export const openDatabase = (file: string, access: 'read' | 'write'): Database.Database => {
  if (!existsSync(file)) throw new Failure(`there is no log ${file}`);
  refuseJournal(file);
  const db = new Database(file, { timeout: MAX_LOCK_WAIT_MS, fileMustExist: true });
  try {
    identify(db, file);
    configure(db, access);
    return db;
  } catch (error) {
    db.close();
    throw notOurs(error, file);
  }
};

const leftovers = (file: string): string[] =>
  ['-wal', '-shm', '-journal'].map((end) => file + end).filter((path) => existsSync(path));

/** Makes an empty log or replica, mode 0600, whole or not at all, unless the file exists. */
export const createFile = (file: string, replica = false): void => {
  if (existsSync(file)) return;
  const [leftover] = leftovers(file);
  if (leftover) {
    throw new Failure(`${leftover} is left of another log, and a new one would take it for its own`, {
      hint: `move ${leftover} away`,
    });
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.draft`;
  for (const path of [draft, ...leftovers(draft)]) rmSync(path, { force: true });
  try {
    closeSync(openSync(draft, 'wx', 0o600));
    writeEmptyLog(draft, replica);
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    for (const path of [draft, ...leftovers(draft)]) rmSync(path, { force: true });
  }
  syncPath(dirname(file));
};

const writeEmptyLog = (draft: string, replica: boolean): void => {
  const db = new Database(draft);
  try {
    configure(db, 'write');
    migrate(db);
    if (replica) db.pragma(`application_id = ${REPLICA_ID}`);
  } finally {
    db.close();
  }
  syncPath(draft);
};
