/** A lock that one process holds for as long as it lives, and the kernel lets go of when it dies. */
import { chmodSync, closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Failure } from '../values/failure.ts';

/**
 * SQLite's exclusive lock on a file of its own: unlike a pid in a file it cannot be left behind by a crash.
 * `NET.lock` is the locked file, `NET.pid` says who holds it.
 */
/** How long somebody who only looks whether it is held may be in the way, in milliseconds. */
const LOOKED_AT = 100;

export class ProcessLock {
  readonly #db: Database.Database;

  private constructor(db: Database.Database) {
    this.#db = db;
  }

  /** `path` without ending. Throws a `Failure` that names the holder, or the file that cannot be had. */
  static take(path: string, what: string): ProcessLock {
    let db: Database.Database | undefined;
    try {
      closeToOthers(`${path}.lock`);
      db = new Database(`${path}.lock`, { timeout: LOOKED_AT });
      db.exec('BEGIN EXCLUSIVE');
      writeFileSync(`${path}.pid`, `${process.pid}\n`, { mode: 0o600 });
      return new ProcessLock(db);
    } catch (cause) {
      db?.close();
      throw isBusy(cause) ? heldBy(path, what, cause) : unusable(path, cause as Error);
    }
  }

  /** Whether a living process holds it. */
  static isHeld(path: string): boolean {
    if (!existsSync(`${path}.lock`)) return false;
    const db = new Database(`${path}.lock`, { readonly: true, timeout: 0 });
    try {
      db.pragma('schema_version');
      return false;
    } catch (error) {
      if (isBusy(error)) return true;
      throw error;
    } finally {
      db.close();
    }
  }

  release(): void {
    this.#db.close();
  }
}

/**
 * Whoever may read the file may hold a lock on it, and keep the server from starting. A file that is there is not opened
 * for that: closing it again would end every lock that this process has on it (fcntl(2)).
 */
const closeToOthers = (file: string): void => {
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  const { mode } = statSync(file);
  if ((mode & 0o007) !== 0) chmodSync(file, mode & 0o770);
};

const isBusy = (error: unknown): boolean =>
  error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY');

const heldBy = (path: string, what: string, cause: unknown): Failure =>
  new Failure(`${what} is running already (process ${holderOf(path)})`, {
    hint: 'stop that one first, or leave it: most verbs work beside it',
    cause,
  });

const unusable = (path: string, cause: Error): Failure =>
  new Failure(`cannot write ${path}.lock, by which one server keeps a second one out: ${cause.message}`, {
    hint:
      process.getuid?.() === 0
        ? `see whether there is space and the folder can be written: df -h ${dirname(path)}`
        : 'run it as root, with sudo',
    cause,
  });

const holderOf = (path: string): string => {
  try {
    return readFileSync(`${path}.pid`, 'utf8').trim();
  } catch {
    return 'unknown';
  }
};
