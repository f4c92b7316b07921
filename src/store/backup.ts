/** Copies of a log: taken while it is written to, and looked through from end to end before anybody relies on them. */
import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from 'better-sqlite3';
import { Failure } from '../values/failure.ts';
import type { Head } from './log.ts';
import { openDatabase } from './open.ts';
import { LogReader } from './reader.ts';
import { DamagedLog, verifyChain } from './verify.ts';

/** Pages copied at once: when somebody writes in between, SQLite starts again. */
const PAGES = 10_000;

const ENDS = ['', '-wal', '-shm', '-journal'];

/** Removes a log's file with everything that SQLite keeps beside it. */
export const removeLog = (file: string): void => {
  for (const end of ENDS) rmSync(file + end, { force: true });
};

/** Has a file or a folder's entries on the disk. */
export const syncPath = (path: string): void => {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/** SQLite's own check of its pages and indexes. Throws `DamagedLog`. */
const checkIntegrity = (db: Database, file: string): void => {
  const [first] = db.pragma('integrity_check(1)') as { integrity_check: string }[];
  const found = first?.integrity_check;
  if (found !== 'ok') throw new DamagedLog(0, `SQLite finds ${file} damaged: ${found}`);
};

/** Looks through a whole log: pages, records, chain. Gives its head; throws `Failure`, `DamagedLog`. */
export const inspectLog = async (file: string): Promise<Head> => {
  const db = openDatabase(file, 'read');
  try {
    checkIntegrity(db, file);
    const reader = new LogReader(db);
    return await verifyChain({
      read: async (after, limit) => reader.read(after, limit),
      networkId: async () => reader.networkId(),
    });
  } finally {
    db.close();
  }
};

/**
 * Copies an open log into a new file, mode 0600, which appears there whole and looked through, or not at all.
 * Throws `Failure` where there is a file already.
 */
export const backupLog = async (database: Database, to: string): Promise<Head> => {
  const taken = () => new Failure(`${to} exists already`, { hint: 'name another file' });
  if (existsSync(to)) throw taken();
  const draft = `${to}.draft`;
  removeLog(draft);
  try {
    closeSync(openSync(draft, 'wx', 0o600));
    await database.backup(draft, { progress: () => PAGES });
    const head = await inspectLog(draft);
    syncPath(draft);
    linkSync(draft, to);
    syncPath(dirname(to));
    return head;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? taken() : error;
  } finally {
    removeLog(draft);
  }
};
