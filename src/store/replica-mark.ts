/** Whether a log's file is the log, or a copy of one that is in PostgreSQL: the file itself says so. */
import type Database from 'better-sqlite3';
import { syncPath } from '../machine/durable.ts';
import { Failure } from '../values/failure.ts';
import { APPLICATION_ID, REPLICA_ID } from './migrate.ts';
import { openDatabase } from './open.ts';

/** Whether the file is a copy of a log in PostgreSQL, to which nothing else is written. */
const isReplica = (db: Database.Database): boolean =>
  db.pragma('application_id', { simple: true }) === REPLICA_ID;

/** Makes a log's file a copy of one that is elsewhere, or again the log itself. No program may have it open. */
export const markReplica = (file: string, replica: boolean): void => {
  const db = openDatabase(file, 'write');
  try {
    db.pragma(`application_id = ${replica ? REPLICA_ID : APPLICATION_ID}`);
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
  syncPath(file);
};

/** Throws `Failure` where a file is the log and should be a copy, or a copy and should be the log. */
export const checkReplica = (db: Database.Database, file: string, wanted: boolean): void => {
  if (isReplica(db) === wanted) return;
  if (wanted) {
    throw new Failure(`${file} is the log itself, and the conf says that the log is in PostgreSQL`, {
      hint: 'move it there: innernet-server move-log NETWORK postgres://…',
    });
  }
  throw new Failure(
    `${file} is only a copy of a log that is in PostgreSQL, and nothing is written to it alone`,
    {
      hint: 'put [log] postgres = "…" back into the conf, or: innernet-server move-log NETWORK --to-file',
    },
  );
};

/** As `isReplica`, of a file. Throws `Failure` if it is no log. */
export const isReplicaFile = (file: string): boolean => {
  const db = openDatabase(file, 'read');
  try {
    return isReplica(db);
  } finally {
    db.close();
  }
};
