/** A lock that one process holds for as long as it lives, and the kernel lets go of when it dies. */
import { readFileSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { Failure } from '../values/failure.ts';

/**
 * SQLite's exclusive lock on a file of its own: unlike a pid in a file it cannot be left behind by a crash.
 * `NET.lock` is the locked file, `NET.pid` says who holds it.
 */
export class ProcessLock {
  readonly #db: Database.Database;

  private constructor(db: Database.Database) {
    this.#db = db;
  }

  /** `path` without ending. Throws a `Failure` that names the holder. */
  static take(path: string, what: string): ProcessLock {
    const db = new Database(`${path}.lock`, { timeout: 0 });
    try {
      db.exec('BEGIN EXCLUSIVE');
    } catch (cause) {
      db.close();
      throw new Failure(`${what} is running already (process ${holderOf(path)})`, {
        hint: 'stop that one first, or leave it: verbs work beside it',
        cause,
      });
    }
    writeFileSync(`${path}.pid`, `${process.pid}\n`, { mode: 0o600 });
    return new ProcessLock(db);
  }

  release(): void {
    this.#db.close();
  }
}

const holderOf = (path: string): string => {
  try {
    return readFileSync(`${path}.pid`, 'utf8').trim();
  } catch {
    return 'unknown';
  }
};
