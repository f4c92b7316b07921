/** Verified copies of a log, taken while it is written. */

import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { linkInto } from '../machine/durable.ts';
import { Failure } from '../values/failure.ts';
import type { Position } from '../values/id.ts';
import type { EventLog, Head } from './log.ts';
import { openDatabase } from './open.ts';
import { LogReader } from './reader.ts';
import { DamagedLog, verifyChain } from './verify.ts';

/** Copied at once, since a write in between makes SQLite start again. */
const PAGES_PER_STEP = 10_000;

const ENDS = ['', '-wal', '-shm', '-journal'];

/** Removes a log's file with everything that SQLite keeps beside it. */
export const removeLog = (file: string): void => {
  for (const end of ENDS) rmSync(file + end, { force: true });
};

/** SQLite's check of its pages and indexes. Throws `DamagedLog`. */
export const checkPages = (db: Database, file: string): void => {
  const [first] = db.pragma('integrity_check(1)') as { integrity_check: string }[];
  const found = first?.integrity_check;
  if (found !== 'ok') throw new DamagedLog(0, `SQLite finds ${file} damaged: ${found}`);
};

type Records = Pick<EventLog, 'head' | 'read' | 'networkId'>;

/** Opens a file for its records alone, whatever its read models' version. Throws `Failure`. */
export const withRecords = async <T>(
  file: string,
  work: (records: Records, db: Database) => Promise<T>,
): Promise<T> => {
  const db = openDatabase(file, 'read');
  try {
    const reader = new LogReader(db);
    const read = async (after: Position, limit: number) => reader.read(after, limit);
    const head = async () => reader.head();
    return await work({ head, read, networkId: async () => reader.networkId() }, db);
  } finally {
    db.close();
  }
};

/** Verifies pages, records and chain; gives the head. Throws `Failure`, `DamagedLog`. */
export const inspectLog = (file: string): Promise<Head> =>
  withRecords(file, (records, db) => {
    checkPages(db, file);
    return verifyChain(records);
  });

/**
 * Copies a log into a new file, mode 0600, which appears whole and verified or not at all. Throws `Failure`
 * if it exists.
 */
export const backupLog = async (database: Database, to: string): Promise<Head> => {
  const taken = () => new Failure(`${to} exists already`, { hint: 'name another file' });
  if (existsSync(to)) throw taken();
  const draft = `${to}.draft`;
  removeLog(draft);
  try {
    closeSync(openSync(draft, 'wx', 0o600));
    await database.backup(draft, { progress: () => PAGES_PER_STEP });
    const head = await inspectLog(draft);
    linkInto(draft, to);
    return head;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? taken() : error;
  } finally {
    removeLog(draft);
  }
};
