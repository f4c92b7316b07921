/** The transaction that extends a log: sealed events, answers and read models, synchronously, all or none. */
import { type Database, SqliteError, type Statement } from 'better-sqlite3';
import type { EventRecord } from '../events/record.ts';
import { Failure } from '../values/failure.ts';
import { type Hash, NO_HASH, type Position } from '../values/id.ts';
import { commitFrom, type RecordedCommit } from './commit.ts';
import type { AppendResult, Commit, Head, NewCommit } from './log.ts';
import { checkSchema, LockHeld, openDatabase } from './open.ts';
import { type Projection, ReadModels } from './projection.ts';
import { LogReader } from './reader.ts';
import { checkProjections } from './rebuild.ts';
import { checkReplica } from './replica-mark.ts';
import { seal } from './seal.ts';
import { Witness, witnessFile } from './witness.ts';

type Committed = Extract<AppendResult, { kind: 'committed' }>;
type WalState = { log: number };

/** A commit as it was sealed elsewhere. */
export type SealedCommit = Commit & { records: readonly EventRecord[] };

/** A longer WAL slows reads, recovery and checkpoints. */
const MAX_WAL_PAGES = 400;

/** For a lock; this thread waits longer without blocking. */
const MAX_BLOCKED_MS = 20;

/** A count costs a little. */
const COUNT_EVERY_COMMITS = 16;

/** From a commit to the next checkpoint, so that little depends on the WAL. */
const CHECKPOINT_WITHIN_MS = 1_000;

export class LogWriter {
  readonly #file: string;
  readonly #db: Database;
  readonly #projections: readonly Projection[];
  readonly #isReplica: boolean;
  readonly #reader: LogReader;
  readonly #models: ReadModels;
  readonly #witness: Witness;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #event: Statement;
  readonly #answer: Statement;
  readonly #walState: Statement<[], WalState>;
  #dataVersion: number | undefined;
  #head: Head = { position: 0, hash: NO_HASH };
  #answers = 0;
  #commits = 0;
  #networkId: Hash | undefined;
  #broken: Error | undefined;
  #due: NodeJS.Timeout | undefined;

  /** Throws `Failure` for another schema or read model version, or where a file is a replica unexpectedly. */
  constructor(file: string, projections: readonly Projection[], isReplica = false) {
    this.#file = file;
    this.#projections = projections;
    this.#isReplica = isReplica;
    this.#db = openDatabase(file, 'write');
    // What a loss of power takes from a replica comes again from the log.
    if (isReplica) this.#db.pragma('synchronous = NORMAL');
    this.#db.pragma(`busy_timeout = ${MAX_BLOCKED_MS}`);
    this.#reader = new LogReader(this.#db);
    this.#currentHead();
    this.#models = new ReadModels(this.#db);
    this.#witness = new Witness(witnessFile(file));
    this.#begin = this.#db.prepare('BEGIN IMMEDIATE');
    this.#commit = this.#db.prepare('COMMIT');
    this.#walState = this.#db.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#event = this.#db.prepare(`
      INSERT INTO events (position, commit_end, id, command_id, type, recorded_at, actor, body, salt, digest, hash)
      VALUES (@position, @commitEnd, @id, @commandId, @type, @recordedAt, @actor, @body, @salt, @digest, @hash)`);
    this.#answer = this.#db.prepare(`
      INSERT INTO commits (actor, command_id, digest, from_position, to_position) VALUES (?, ?, ?, ?, ?)`);
  }

  /** As `EventLog.append`; after a disk error every further call throws. */
  append(expected: Position, commits: readonly NewCommit[]): AppendResult {
    if (this.#broken) throw new Failure('the disk under the log has failed', { cause: this.#broken });
    try {
      const result = this.#transaction(() => this.#insertAll(expected, commits));
      if (result.kind === 'committed') this.#afterCommit(result.head, expected);
      return result;
    } catch (error) {
      return this.#explain(error as Error);
    }
  }

  /** Takes commits that were sealed elsewhere, in order; passes over known ones. Throws as `append`. */
  take(commits: readonly SealedCommit[]): void {
    if (this.#broken) throw new Failure('the disk under the log has failed', { cause: this.#broken });
    const { position } = this.#currentHead();
    try {
      const { head, taken } = this.#transaction(() => this.#takeAll(commits));
      this.#answers += taken;
      this.#afterCommit(head, position);
    } catch (error) {
      const result = this.#explain(error as Error);
      if (result.kind === 'unknown') throw result.cause;
    }
  }

  /** How many commands have an answer in a replica. */
  answers(): number {
    this.#currentHead();
    return this.#answers;
  }

  #takeAll(commits: readonly SealedCommit[]): { head: Head; taken: number } {
    let head = this.#currentHead();
    let taken = 0;
    for (const commit of commits) {
      if (this.#isKnown(commit)) continue;
      const { actor, commandId, commandDigest, from, to, records } = commit;
      if (from !== head.position) throw new Error(`a commit after ${from} is not one after ${head.position}`);
      for (const record of records) this.#event.run(record);
      if (records.length > 0) this.#projectAll(commitFrom(records));
      this.#answer.run(actor, commandId, commandDigest, from, to);
      head = { position: to, hash: records.at(-1)?.hash ?? head.hash };
      taken += 1;
    }
    return { head, taken };
  }

  /** Moves the pages that readers allow; first syncs the witness, with all writers' lines. */
  #checkpoint(): void {
    this.#forgetDue();
    this.#witness.sync();
    try {
      this.#db.pragma('wal_checkpoint(PASSIVE)');
    } catch (error) {
      if (isIoError(error)) this.#broken = error as Error;
    }
  }

  close(): void {
    if (!this.#db.open) return;
    if (this.#due) this.#witness.sync();
    this.#forgetDue();
    this.#witness.close();
    this.#db.close();
  }

  #transaction<T>(work: () => T): T {
    this.#begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  #insertAll(expected: Position, commits: readonly NewCommit[]): AppendResult {
    let head = this.#currentHead();
    if (head.position !== expected || commits.some((commit) => this.#isKnown(commit)))
      return { kind: 'conflict' };
    const done: Committed['commits'] = [];
    for (const commit of commits) {
      const { records, head: next } = this.#insert(commit, head);
      const { actor, commandId, commandDigest } = commit;
      const { position: to, hash } = next;
      done.push({ actor, commandId, commandDigest, from: head.position, to, hash, records });
      head = next;
    }
    return { kind: 'committed', commits: done, head };
  }

  /** Rereads version and head only after another connection's commit. */
  #currentHead(): Head {
    const dataVersion = this.#reader.dataVersion();
    if (dataVersion !== this.#dataVersion) {
      checkSchema(this.#db, this.#file);
      checkReplica(this.#db, this.#file, this.#isReplica);
      checkProjections(this.#db, this.#projections, this.#file);
      this.#head = this.#reader.head();
      if (this.#isReplica) this.#answers = this.#reader.answers();
      this.#dataVersion = dataVersion;
    }
    return this.#head;
  }

  #isKnown({ actor, commandId }: Pick<NewCommit, 'actor' | 'commandId'>): boolean {
    return this.#reader.commitOf(actor, commandId) !== undefined;
  }

  #insert(commit: NewCommit, before: Head): ReturnType<typeof seal> {
    this.#networkId ??= this.#reader.networkId();
    const sealed = seal(commit, before, this.#networkId);
    const { records, head } = sealed;
    for (const record of records) this.#event.run(record);
    if (records.length > 0) this.#project(records, commit);
    this.#answer.run(commit.actor, commit.commandId, commit.commandDigest, before.position, head.position);
    return sealed;
  }

  #project(records: readonly EventRecord[], { events }: NewCommit): void {
    this.#projectAll(commitFrom(records, events));
  }

  #projectAll(commit: RecordedCommit): void {
    for (const projection of this.#projections) projection.apply(this.#models, commit);
  }

  #afterCommit(head: Head, expected: Position): void {
    this.#head = head;
    if (head.position > expected) this.#witness.note(head, () => this.#reader.head());
    this.#commits += 1;
    if (this.#commits % COUNT_EVERY_COMMITS === 0) this.#lookAtWal();
    this.#due ??= setTimeout(() => this.#checkpoint(), CHECKPOINT_WITHIN_MS).unref(); // `close` does what is left
  }

  /** NOOP counts and moves nothing. */
  #lookAtWal(): void {
    if ((this.#walState.get()?.log ?? 0) > MAX_WAL_PAGES) this.#checkpoint();
  }

  #forgetDue(): void {
    clearTimeout(this.#due);
    this.#due = undefined;
  }

  #explain(error: Error): AppendResult {
    if (!(error instanceof SqliteError)) throw error;
    if (error.code.startsWith('SQLITE_BUSY')) throw new LockHeld(this.#file, error);
    if (error.code === 'SQLITE_FULL') {
      throw new Failure(`the disk is full: nothing was written to ${this.#file}`, {
        hint: 'make room and try again',
        cause: error,
      });
    }
    if (!isIoError(error)) throw error;
    this.#broken = error;
    return { kind: 'unknown', cause: error };
  }
}

/** A failed disk: its content is unknown until the file is opened again. */
const isIoError = (error: unknown): boolean =>
  error instanceof SqliteError && error.code.startsWith('SQLITE_IOERR');
