/** The contract of the event log: what the rest of the server may ask of it. It knows no SQLite. */
import type { EventRecord } from '../events/record.ts';
import type { NetworkEvent } from '../events/schema.ts';
import type { Hash, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';

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
  /** Each commit with the chain's value at its end. */
  | { kind: 'committed'; commits: (Commit & { hash: Hash })[]; head: Head }
  /** The log does not end at the expected position, or a command id is known by now: nothing was written. */
  | { kind: 'conflict' }
  /** The engine failed while writing: the commits may or may not be there; look their ids up. */
  | { kind: 'unknown'; cause: Error };

export interface EventLog {
  head(): Promise<Head>;
  /** The hash of position 1, or undefined while the log is empty. */
  networkId(): Promise<Hash | undefined>;
  /** All or none of the commits, in one transaction with the read models, if the log ends at `expected`. */
  append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult>;
  /** At most `limit` records after a position, in order. */
  read(after: Position, limit: number): Promise<EventRecord[]>;
  /** The kept answer to a command, however long ago. */
  commitOf(actor: string, commandId: string): Promise<Commit | undefined>;
  /** Calls back, soon, whenever the head may have moved, whoever moved it; returns what ends that. */
  wake(listener: () => void): () => void;
  close(): Promise<void>;
}
