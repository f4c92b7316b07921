/** A lock that ends with its process, by the kernel. */
import { chmodSync, closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Failure } from '../values/failure.ts';

/**
 * SQLite's exclusive lock on `NET.lock`: unlike a pid file it never outlives a crash. `NET.pid` names the
 * holder.
 */
/** `isHeld` of another process may hold the lock so long. */
const MAX_LOOK_MS = 100;

export class ProcessLock {
  readonly #db: Database.Database;

  private constructor(db: Database.Database) {
    this.#db = db;
  }

  /** `path` has no ending. Throws a `Failure` that names the holder or the unusable file. */
  static take(path: string, what: string): ProcessLock {
    let db: Database.Database | undefined;
    try {
      closeToOthers(`${path}.lock`);
      db = new Database(`${path}.lock`, { timeout: MAX_LOOK_MS });
      db.exec('BEGIN EXCLUSIVE');
      writeFileSync(`${path}.pid`, `${process.pid}\n`, { mode: 0o600 });
      return new ProcessLock(db);
    } catch (cause) {
      db?.close();
      throw isBusy(cause) ? heldBy(path, what, cause) : unusable(path, cause as Error);
    }
  }

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
 * Any reader of the file could lock it and block the server. An existing file stays unopened: closing it
 * would end this process's locks on it (fcntl(2)).
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
