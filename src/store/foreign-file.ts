/** Writes a database for innernet 2.0's server: whole or not at all, never over another file. */

import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { linkInto } from '../machine/durable.ts';
import { Failure } from '../values/failure.ts';
import { FOREIGN_VERSION } from './foreign-database.ts';

/** The schema of innernet 2.0, `server/src/db`. */
const SCHEMA = `
  CREATE TABLE peers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    ip TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL UNIQUE,
    endpoint TEXT,
    cidr_id INTEGER NOT NULL,
    is_admin INTEGER DEFAULT 0 NOT NULL,
    is_disabled INTEGER DEFAULT 0 NOT NULL,
    is_redeemed INTEGER DEFAULT 0 NOT NULL,
    invite_expires INTEGER,
    candidates TEXT,
    FOREIGN KEY (cidr_id) REFERENCES cidrs (id) ON UPDATE RESTRICT ON DELETE RESTRICT);
  CREATE TABLE associations (
    id INTEGER PRIMARY KEY,
    cidr_id_1 INTEGER NOT NULL,
    cidr_id_2 INTEGER NOT NULL,
    UNIQUE (cidr_id_1, cidr_id_2),
    FOREIGN KEY (cidr_id_1) REFERENCES cidrs (id) ON UPDATE RESTRICT ON DELETE RESTRICT,
    FOREIGN KEY (cidr_id_2) REFERENCES cidrs (id) ON UPDATE RESTRICT ON DELETE RESTRICT);
  CREATE TABLE cidrs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    ip TEXT NOT NULL,
    prefix INTEGER NOT NULL,
    parent INTEGER REFERENCES cidrs,
    UNIQUE (ip, prefix),
    FOREIGN KEY (parent) REFERENCES cidrs (id) ON UPDATE RESTRICT ON DELETE RESTRICT);
  PRAGMA user_version = ${FOREIGN_VERSION};`;

type Row = Readonly<Record<string, string | number | null>>;
export type ForeignFileTables = { [T in 'cidrs' | 'peers' | 'associations']: readonly Row[] };

/** Writes the rows into a new file, mode 0600. Throws `Failure` if it exists. */
export const writeForeignFile = (file: string, tables: ForeignFileTables): void => {
  if (existsSync(file)) throw taken(file);
  const draft = `${file}.${process.pid}.draft`;
  const paths = [draft, `${draft}-journal`];
  for (const path of paths) rmSync(path, { force: true });
  try {
    closeSync(openSync(draft, 'wx', 0o600));
    fill(draft, tables);
    linkInto(draft, file);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? taken(file) : error;
  } finally {
    for (const path of paths) rmSync(path, { force: true });
  }
};

const taken = (file: string): Failure =>
  new Failure(`${file} exists already, and is not overwritten`, {
    hint: 'move it away, or name another file',
  });

const fill = (draft: string, tables: ForeignFileTables): void => {
  const db = new Database(draft);
  try {
    db.exec('BEGIN');
    db.exec(SCHEMA);
    db.pragma('defer_foreign_keys = 1'); // a parent may come after its child
    for (const [table, rows] of Object.entries(tables)) for (const row of rows) insert(db, table, row);
    db.exec('COMMIT');
  } finally {
    db.close();
  }
};

const insert = (db: Database.Database, table: string, row: Row): void => {
  const columns = Object.keys(row);
  const places = columns.map((column) => `@${column}`).join(', ');
  db.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`).run(row);
};
