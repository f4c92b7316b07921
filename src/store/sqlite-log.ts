/** The event log in a SQLite file: one connection reads, another, opened when needed, writes. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { EventRecord } from '../events/record.ts';
import { Failure } from '../values/failure.ts';
import type { Hash, Position } from '../values/id.ts';
import { backupLog, checkPages } from './backup.ts';
import type { AppendResult, Commit, EventLog, Head, NewCommit, StoredState } from './log.ts';
import { migrate, SCHEMA_VERSION, schemaVersion } from './migrate.ts';
import { checkSchema, createFile, LockHeld, MAX_LOCK_WAIT_MS, openDatabase } from './open.ts';
import type { Projection, ReadModelSet } from './projection.ts';
import type { LogQueries } from './queries.ts';
import { LogReader } from './reader.ts';
import { checkProjections, rebuildStale } from './rebuild.ts';
import { checkReplica } from './replica-mark.ts';
import { dropStates, loadState, saveState } from './stored-state.ts';
import { Wake } from './wake.ts';
import { readWitness, witnessFile } from './witness.ts';
import { LogWriter, type SealedCommit } from './writer.ts';

/** Between tries for another program's lock. */
const LOCK_RETRY_MS = 5;

export type OpenOptions = {
  /** `…/NET.events`; witness and SQLite's files lie beside it. */
  file: string;
  readModels: ReadModelSet;
  /** `create` also takes an empty file; `open` is the default. */
  mode?: 'create' | 'open';
  /**
   * Migrates an older file, read models included; else it is refused. `kept` gets the path of a backup made
   * first; `true`, for copies, makes none.
   */
  migrate?: true | { kept: (copy: string) => void };
  /** Whether the file is a copy of a log that is elsewhere, which `take` alone extends. */
  isReplica?: boolean;
};

/** Opens a log. Throws `Failure`: no such file, no log, other schema, used log with `create`. */
export const openSqliteLog = async (options: OpenOptions): Promise<SqliteLog> => {
  const { file, readModels, mode = 'open' } = options;
  const { projections } = readModels;
  if (mode === 'create') createFile(file, options.isReplica);
  if (mode === 'create' || options.migrate) await bringUpToDate(options);
  const db = openChecked(file, projections);
  try {
    refuseUsed(db, options);
    if (options.isReplica) checkReplica(db, file, true);
    return new SqliteLog(file, db, readModels, options.isReplica);
  } catch (error) {
    db.close();
    throw error;
  }
};

const bringUpToDate = async ({ file, readModels, migrate: wanted }: OpenOptions): Promise<void> => {
  const db = openDatabase(file, 'write');
  try {
    if (typeof wanted === 'object') await keepBefore(db, file, wanted.kept);
    migrate(db);
    checkSchema(db, file);
    await rebuildStale(db, readModels.projections, file);
  } finally {
    db.close();
  }
};

/** Makes a verified backup, since a migration has no way back. */
const keepBefore = async (db: Database, file: string, kept: (copy: string) => void): Promise<void> => {
  const version = schemaVersion(db);
  if (version < 1 || version >= SCHEMA_VERSION) return;
  for (let number = 1; ; number += 1) {
    const copy = `${file}.v${version}${number === 1 ? '' : `.${number}`}`;
    if (existsSync(copy)) continue;
    await backupLog(db, copy);
    return kept(copy);
  }
};

const openChecked = (file: string, projections: readonly Projection[]): Database => {
  const db = openDatabase(file, 'read');
  try {
    checkSchema(db, file);
    checkProjections(db, projections, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
};

const refuseUsed = (db: Database, { file, mode }: OpenOptions): void => {
  if (mode !== 'create' || new LogReader(db).head().position === 0) return;
  throw new Failure(`${file} holds a network already`, { hint: 'choose another name' });
};

export class SqliteLog implements EventLog {
  readonly file: string;
  readonly queries: LogQueries;
  /** The reading connection. No statement may stay open across an await. */
  readonly database: Database;
  readonly #reader: LogReader;
  readonly #openWriter: () => LogWriter;
  #writer: LogWriter | undefined;
  readonly #wake: Wake;
  #broken: Error | undefined;

  constructor(
    file: string,
    database: Database,
    { projections, queries }: ReadModelSet,
    isReplica: boolean | undefined,
  ) {
    this.file = file;
    this.database = database;
    this.queries = queries(database);
    this.#reader = new LogReader(database);
    this.#openWriter = () => new LogWriter(file, projections, isReplica);
    this.#wake = new Wake(file, () => this.#reader.dataVersion());
  }

  get name(): string {
    return this.file;
  }

  get broken(): Error | undefined {
    return this.#broken;
  }

  async head(): Promise<Head> {
    return this.#reader.head();
  }

  /** All who write have the same file. */
  async refresh(): Promise<void> {}

  async networkId(): Promise<Hash | undefined> {
    return this.#reader.networkId();
  }

  async append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult> {
    const result = await this.#whenFree((writer) => writer.append(expected, commits));
    if (result.kind === 'unknown') this.#broken = result.cause;
    if (result.kind === 'committed') this.#wake.call();
    return result;
  }

  /** Takes commits that were sealed elsewhere, whole and in order; passes over known ones. Of a replica alone. */
  async take(commits: readonly SealedCommit[]): Promise<void> {
    try {
      await this.#whenFree((writer) => writer.take(commits));
    } catch (error) {
      if (!(error instanceof LockHeld)) this.#broken = error as Error;
      throw error;
    }
    this.#wake.call();
  }

  /** How many commands have an answer in a replica. */
  answers(): Promise<number> {
    return this.#whenFree((writer) => writer.answers());
  }

  /** Waits for another program's lock without blocking this one. */
  async #whenFree<T>(work: (writer: LogWriter) => T): Promise<T> {
    const end = performance.now() + MAX_LOCK_WAIT_MS;
    for (;;) {
      try {
        this.#writer ??= this.#openWriter();
        return work(this.#writer);
      } catch (error) {
        if (!(error instanceof LockHeld) || performance.now() > end) throw error;
      }
      await sleep(LOCK_RETRY_MS);
    }
  }

  async read(after: Position, limit: number): Promise<EventRecord[]> {
    return this.#reader.read(after, limit);
  }

  async commitOf(actor: string, commandId: string): Promise<Commit | undefined> {
    return this.#reader.commitOf(actor, commandId);
  }

  wake(listener: () => void): () => void {
    return this.#wake.subscribe(listener);
  }

  async witness(): Promise<(Head & { name: string }) | undefined> {
    const name = witnessFile(this.file);
    const head = readWitness(name);
    return head && { ...head, name };
  }

  async checkStorage(): Promise<void> {
    checkPages(this.database, this.file);
  }

  backup(to: string): Promise<Head> {
    return backupLog(this.database, to);
  }

  saveState(state: StoredState): Promise<void> {
    return saveState(this.file, state);
  }

  async loadState(codeVersion: string, until: Position): Promise<StoredState | undefined> {
    return loadState(
      this.file,
      (state) =>
        state.codeVersion === codeVersion &&
        state.position <= until &&
        this.#reader.read(state.position - 1, 1)[0]?.hash === state.hash,
    );
  }

  async dropStates(): Promise<void> {
    dropStates(this.file);
  }

  async close(): Promise<void> {
    this.#wake.close();
    if (this.database.open) this.database.close();
    this.#writer?.close();
  }
}
