/** The contract of the event log, for any engine. */
import type { EventRecord } from '../events/record.ts';
import type { NetworkEvent } from '../events/schema.ts';
import type { Hash, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import type { LogQueries } from './queries.ts';

/** The last record's position and hash; 0 and zeros when empty. */
export type Head = { position: Position; hash: Hash };

/** A command's outcome to append; without events only the answer is kept. */
export type NewCommit = {
  /** The actor as sealed JSON text. */
  actor: string;
  commandId: string;
  /** SHA-256 of the command's canonical JSON; the caller refuses another command with the same id. */
  commandDigest: Hash;
  recordedAt: Timestamp;
  events: readonly NetworkEvent[];
};

/** A command that was carried out; `from` = `to` if it appended nothing. */
export type Commit = {
  actor: string;
  commandId: string;
  commandDigest: Hash;
  /** The head before the commit; its records are in (from, to]. */
  from: Position;
  to: Position;
};

export type AppendResult =
  /** Commits with their sealed records, and the hash at the end of each. */
  | { kind: 'committed'; commits: (Commit & { hash: Hash; records: readonly EventRecord[] })[]; head: Head }
  /** Another head than expected, or a known command id: nothing was written. */
  | { kind: 'conflict' }
  /** Writing failed; the commits may exist: look their ids up. */
  | { kind: 'unknown'; cause: Error };

/** A whole network at a position, to shorten a start. */
export type StoredState = Head & {
  /** The version of the code that made it; another cannot read it. */
  codeVersion: string;
  body: string;
};

export interface EventLog {
  /** The log's name for messages. */
  readonly name: string;
  /** Why writing is impossible; the program should restart. */
  readonly broken: Error | undefined;
  /** This machine's read models, at the position of `head` or later. */
  readonly queries: LogQueries;

  /** As this machine knows it: other machines may have appended, which `refresh` and a `conflict` bring here. */
  head(): Promise<Head>;
  /** Takes in what other machines appended, if there can be any. Throws `Failure` where the log does not answer. */
  refresh(): Promise<void>;
  /** The hash of position 1; undefined while the log is empty. */
  networkId(): Promise<Hash | undefined>;
  /**
   * Appends all commits or none, with the read models, if the log ends at `expected`. Throws `Failure` if
   * nothing was written and a retry may help: disk full, lock held, newer schema.
   */
  append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult>;
  /** At most `limit` records after a position, in order. */
  read(after: Position, limit: number): Promise<EventRecord[]>;
  /** The kept answer of a command, of any age. */
  commitOf(actor: string, commandId: string): Promise<Commit | undefined>;
  /** Calls back soon after the head may have moved, in any program; returns the unsubscribe function. */
  wake(listener: () => void): () => void;

  /** The greatest known head, noted apart from the log; `name` says where. */
  witness(): Promise<(Head & { name: string }) | undefined>;
  /** The engine's check of its storage. Throws `DamagedLog`. */
  checkStorage(): Promise<void>;
  /** Copies the log into a new verified file; gives its head. Throws `Failure`. */
  backup(to: string): Promise<Head>;

  /** Keeps a state and the one before it; a failure leaves the earlier ones. */
  saveState(state: StoredState): Promise<void>;
  /** The newest intact state of this code up to `until`, if it matches the log. */
  loadState(codeVersion: string, until: Position): Promise<StoredState | undefined>;
  dropStates(): Promise<void>;

  close(): Promise<void>;
}
