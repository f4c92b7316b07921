/** The contract of the event log: all that the server may ask of it, whatever engine keeps it. */
import type { EventRecord } from '../events/record.ts';
import type { NetworkEvent } from '../events/schema.ts';
import type { Hash, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import type { LogQueries } from './queries.ts';

/** The end of a log: the position of its last record and the chain's value there; 0 and zeros when empty. */
export type Head = { position: Position; hash: Hash };

/** One command's outcome on its way into the log; `events` may be empty: then only the answer is kept. */
export type NewCommit = {
  /** The actor as sealed JSON text. */
  actor: string;
  commandId: string;
  /** SHA-256 of the command's canonical JSON: the same id with another command is refused by the caller. */
  commandDigest: Hash;
  recordedAt: Timestamp;
  events: readonly NetworkEvent[];
};

/** A command that was carried out: what it appended, or nothing (`from` = `to`). */
export type Commit = {
  actor: string;
  commandId: string;
  commandDigest: Hash;
  /** The head before the commit; its records are those in (from, to]. */
  from: Position;
  to: Position;
};

export type AppendResult =
  /** Each commit with its sealed records and the chain's value at its end. */
  | { kind: 'committed'; commits: (Commit & { hash: Hash; records: readonly EventRecord[] })[]; head: Head }
  /** The log does not end at the expected position, or a command id is known by now: nothing was written. */
  | { kind: 'conflict' }
  /** The engine failed while writing: the commits may or may not be there; look their ids up. */
  | { kind: 'unknown'; cause: Error };

/** A whole network at a position, kept so that a start replays only what came after it. */
export type StoredState = Head & {
  /** Of the code that made it; another version cannot read it. */
  codeVersion: string;
  /** JSON text. */
  body: string;
};

export interface EventLog {
  /** How messages name it, such as the file's path. */
  readonly name: string;
  /** Why nothing can be written any more; the program should end, and be started again. */
  readonly broken: Error | undefined;
  /** The past, from this machine's read models; level with the head that `head` gives, or with a later one. */
  readonly queries: LogQueries;

  head(): Promise<Head>;
  /** The hash of position 1, or undefined while the log is empty. */
  networkId(): Promise<Hash | undefined>;
  /**
   * All or none of the commits, in one transaction with the read models, if the log ends at `expected`. Throws `Failure`
   * where nothing was written and a retry may help: disk full, lock held, the file's schema moved on.
   */
  append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult>;
  /** At most `limit` records after a position, in order. */
  read(after: Position, limit: number): Promise<EventRecord[]>;
  /** The kept answer to a command, however long ago. */
  commitOf(actor: string, commandId: string): Promise<Commit | undefined>;
  /** Calls back, soon, after the head may have moved, in this program or another; returns what ends that. */
  wake(listener: () => void): () => void;

  /** The greatest head that the log is known to have had, noted apart from it; `name`: where, for messages. */
  witness(): Promise<(Head & { name: string }) | undefined>;
  /** The engine's own check of what it stores. Throws `DamagedLog`. */
  checkStorage(): Promise<void>;
  /** Copies the log into a new file that is checked before it appears; gives its head. Throws `Failure`. */
  backup(to: string): Promise<Head>;

  /** Keeps a state, and drops all but the newest few. Failing leaves the earlier ones. */
  saveState(state: StoredState): Promise<void>;
  /** The newest intact state of this code at or before a position whose hash is the log's own there. */
  loadState(codeVersion: string, until: Position): Promise<StoredState | undefined>;
  /** Drops all states. */
  dropStates(): Promise<void>;

  close(): Promise<void>;
}
