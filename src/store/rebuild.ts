/** Read models made again from the log, beside the live ones and page by page, then swapped in. */
import { setImmediate } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { Failure } from '../values/failure.ts';
import type { Position } from '../values/id.ts';
import { wholeCommits } from './commit.ts';
import { type Projection, ReadModels } from './projection.ts';
import { LogReader } from './reader.ts';

const SHADOW = 'rebuilt_';
const OLD = 'old_';

/** Milliseconds after which a transaction ends, so that other writers wait less than 50. */
const SLICE = 20;

/** Rows deleted at once from a table that is on its way out. */
const DELETED_AT_ONCE = 5_000;

const PAGE = 200;

const versions = (db: Database): Map<string, number> =>
  new Map(db.prepare<[], [string, number]>('SELECT name, version FROM projections').raw().all());

const isStale = (db: Database, projections: readonly Projection[]): boolean => {
  const found = versions(db);
  return projections.some(({ name, version }) => found.get(name) !== version);
};

/** Refuses a file whose read models were made by another version: writing to them would mix the two. */
export const checkProjections = (db: Database, projections: readonly Projection[], file: string): void => {
  const found = versions(db);
  for (const { name, version } of projections) {
    const has = found.get(name) ?? 0;
    if (has === version) continue;
    throw new Failure(
      `the read model "${name}" in ${file} is version ${has}, and this program has ${version}`,
      {
        hint:
          has > version
            ? 'a newer innernet-server has written it; upgrade this one'
            : 'start innernet-server serve of this version once: it brings the file up to date',
      },
    );
  }
};

/** Makes those read models again whose rows were made by an older version of their code. */
export const rebuildStale = async (db: Database, projections: readonly Projection[], file: string) => {
  const found = versions(db);
  if (projections.some(({ name, version }) => (found.get(name) ?? 0) > version))
    checkProjections(db, projections, file);
  if (isStale(db, projections)) await rebuild(db, projections);
};

/**
 * Throws the read models away and makes them again from the first event. Others may write meanwhile: no
 * transaction lasts long, and the swap happens only when nothing is missing. `onProgress` gets positions.
 */
export const rebuild = async (
  db: Database,
  projections: readonly Projection[],
  onProgress: (position: Position) => void = () => {},
): Promise<void> => {
  const tables = projections.flatMap((projection) => projection.tables);
  await dropTables(db, [...withPrefix(SHADOW, tables), ...withPrefix(OLD, tables)]);
  db.transaction(() => {
    for (const table of tables) createShadow(db, table);
  }).immediate();
  const filler = new Filler(db, projections);
  while (!filler.finish(tables)) {
    onProgress(filler.position);
    await setImmediate();
  }
  onProgress(filler.position);
  await dropTables(db, withPrefix(OLD, tables));
};

const withPrefix = (prefix: string, tables: readonly string[]): string[] =>
  tables.map((table) => prefix + table);

/** An empty table of the same definition; read models have no indexes but those of their keys. */
const createShadow = (db: Database, table: string): void => {
  const sql = db
    .prepare<[string], string>(`SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?`)
    .pluck()
    .get(table);
  if (!sql) throw new Error(`a projection names the table "${table}", which no migration makes`);
  db.exec(sql.replace(/^CREATE TABLE "?\w+"?/, `CREATE TABLE ${SHADOW}${table}`));
};

/** Fills the shadows from the log, some milliseconds at a time. */
class Filler {
  position: Position = 0;
  readonly #db: Database;
  readonly #projections: readonly Projection[];
  readonly #reader: LogReader;
  readonly #models: ReadModels;
  #pending: ReturnType<LogReader['read']> = [];

  constructor(db: Database, projections: readonly Projection[]) {
    this.#db = db;
    this.#projections = projections;
    this.#reader = new LogReader(db);
    this.#models = new ReadModels(db, SHADOW);
  }

  /** One transaction: more pages and, if that was all, the swap. Whether it was. */
  finish(tables: readonly string[]): boolean {
    return this.#db
      .transaction(() => {
        const until = performance.now() + SLICE;
        do if (!this.#page()) return this.#swap(tables);
        while (performance.now() < until);
        return false;
      })
      .immediate();
  }

  /** Whether there was anything left to read. */
  #page(): boolean {
    const after = this.#pending.at(-1)?.position ?? this.position;
    const read = this.#reader.read(after, PAGE);
    const { commits, rest } = wholeCommits([...this.#pending, ...read]);
    this.#pending = rest;
    for (const commit of commits) {
      for (const projection of this.#projections) projection.apply(this.#models, commit);
      this.position = commit.to;
    }
    return read.length > 0;
  }

  #swap(tables: readonly string[]): true {
    for (const table of tables) {
      this.#db.exec(`ALTER TABLE ${table} RENAME TO ${OLD}${table}`);
      this.#db.exec(`ALTER TABLE ${SHADOW}${table} RENAME TO ${table}`);
    }
    const note = this.#db.prepare('INSERT OR REPLACE INTO projections (name, version) VALUES (?, ?)');
    for (const { name, version } of this.#projections) note.run(name, version);
    return true;
  }
}

/** Empties tables bit by bit before they are dropped: dropping a big one would hold the lock. */
const dropTables = async (db: Database, tables: readonly string[]): Promise<void> => {
  const exists = db
    .prepare<[string], number>(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?`)
    .pluck();
  for (const table of tables) {
    if (!exists.get(table)) continue;
    const some = db.prepare(`DELETE FROM ${table} LIMIT ${DELETED_AT_ONCE}`);
    while (some.run().changes > 0) await setImmediate();
    db.exec(`DROP TABLE IF EXISTS ${table}`);
  }
};
