// Databases as innernet 2.0's server makes them: its schema in each version, and rows given as objects.
import Database from 'better-sqlite3';

/** The tables of innernet 2.0, `server/src/db`; columns came with versions 1 and 2. */
const schema = (version: number): string => `
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
    ${version >= 1 ? 'invite_expires INTEGER,' : ''}
    ${version >= 2 ? 'candidates TEXT,' : ''}
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
  PRAGMA user_version = ${version};`;

type Value = string | number | null;
export type Row = Record<string, Value>;
export type Tables = { cidrs: Row[]; peers: Row[]; associations: Row[] };

/** Makes a database of a version; columns that this version does not have are dropped from the rows. */
export const makeInnernetFile = (file: string, tables: Tables, version = 2): void => {
  const db = new Database(file);
  db.pragma('foreign_keys = 0');
  db.exec(schema(version));
  db.exec('BEGIN');
  for (const [table, rows] of Object.entries(tables)) {
    const known = db.prepare<[string], string>('SELECT name FROM pragma_table_info(?)').pluck().all(table);
    for (const row of rows) {
      const columns = Object.keys(row).filter((column) => known.includes(column));
      const places = columns.map((column) => `@${column}`).join(', ');
      db.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`).run(row);
    }
  }
  db.exec('COMMIT');
  db.close();
};
