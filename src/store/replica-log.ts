/** A log that follows another one: sealed commits are checked, then appended byte for byte. */
import type { Hash, Position } from '../values/id.ts';
import type { Head } from './log.ts';
import { createFile } from './open.ts';
import type { ReadModelSet } from './projection.ts';
import { openSqliteLog, type SqliteLog } from './sqlite-log.ts';
import { checkRecord, checkTail, checkWitness, DamagedLog, type Link } from './verify.ts';
import { LogWriter, type SealedCommit } from './writer.ts';

export type ReplicaOptions = {
  /** `…/NET.events`, made if it is missing. */
  file: string;
  readModels: ReadModelSet;
  /** Gets the path of a backup made before a migration. */
  kept: (copy: string) => void;
};

export class ReplicaLog {
  readonly #log: SqliteLog;
  readonly #writer: LogWriter;
  #networkId: Hash | undefined;
  #last: Link;

  private constructor(log: SqliteLog, writer: LogWriter, networkId: Hash | undefined, head: Head) {
    this.#log = log;
    this.#writer = writer;
    this.#networkId = networkId;
    this.#last = { ...head, commitEnd: head.position };
  }

  /** Throws `Failure`: no log, a newer schema, or one that ends before its witness. */
  static async open({ file, readModels, kept }: ReplicaOptions): Promise<ReplicaLog> {
    createFile(file);
    const log = await openSqliteLog({ file, readModels, migrate: { kept } });
    try {
      await checkWitness(log);
      await checkTail(log);
      const writer = new LogWriter(file, readModels.projections);
      return new ReplicaLog(log, writer, await log.networkId(), await log.head());
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  get head(): Head {
    const { position, hash } = this.#last;
    return { position, hash };
  }

  /** Undefined while the log is empty. */
  get networkId(): Hash | undefined {
    return this.#networkId;
  }

  /**
   * Appends commits of a network, all or none; they are on the disk when it returns. Throws `DamagedLog` where
   * they do not continue this chain, `UnknownEventType`, and `Failure` when the file cannot be written.
   */
  take(networkId: Hash, commits: readonly SealedCommit[]): Head {
    const last = this.#check(networkId, commits);
    this.#writer.take(commits);
    if (last.position > 0) this.#networkId = networkId;
    this.#last = last;
    return this.head;
  }

  async close(): Promise<void> {
    this.#writer.close();
    await this.#log.close();
  }

  #check(networkId: Hash, commits: readonly SealedCommit[]): Link {
    let last = this.#last;
    if ((this.#networkId ?? networkId) !== networkId) throw new DamagedLog(1, 'this is another network');
    for (const { records, actor, commandId } of commits) {
      for (const record of records) {
        checkRecord(record, last, networkId);
        if (record.position === 1 && record.hash !== networkId)
          throw new DamagedLog(1, "the first record is another network's");
        if (record.actor !== actor || record.commandId !== commandId) throw strange(record.position);
        last = record;
      }
      if (last.position !== last.commitEnd) throw strange(last.position);
    }
    return last;
  }
}

const strange = (position: Position): DamagedLog =>
  new DamagedLog(position, `the commit around position ${position} is not whole`);
