/** The event log in PostgreSQL, which decides the order; this machine keeps a copy, from which everything is read. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventRecord } from '../../events/record.ts';
import { Failure } from '../../values/failure.ts';
import type { Hash, Position } from '../../values/id.ts';
import type { PostgresAddress } from '../../values/postgres-address.ts';
import type { AppendResult, Commit, EventLog, Head, NewCommit, StoredState } from '../log.ts';
import type { LogQueries } from '../queries.ts';
import { seal } from '../seal.ts';
import type { SqliteLog } from '../sqlite-log.ts';
import { Ear } from './ear.ts';
import { AnswerLost, codeOf, Session } from './primary.ts';
import { Replicator } from './replicator.ts';
import {
  appendSealed,
  type Committed,
  checkTables,
  type DatabaseHead,
  explained,
  prepareTables,
} from './tables.ts';
import { DatabaseAway } from './troubles.ts';

/** How long a lost answer is looked for. */
const RESOLVE_MS = 10_000;
const PAUSE_MS = 100;

type Sent = { kind: 'appended'; answers: number } | { kind: 'conflict' } | { kind: 'lost' };

export class PgLog implements EventLog {
  readonly name: string;
  readonly queries: LogQueries;
  readonly #replica: SqliteLog;
  readonly #network: string;
  readonly #address: PostgresAddress;
  readonly #isPreparing: boolean;
  readonly #replicator: Replicator;
  readonly #ear: Ear;
  #session: Promise<Session> | undefined;
  #levelling: Promise<DatabaseHead> | undefined;

  /** `network` names the log within the database; `isPreparing`: its tables may be brought up to date. */
  constructor(replica: SqliteLog, network: string, address: PostgresAddress, isPreparing: boolean) {
    this.name = `${address.text} (${network})`;
    this.queries = replica.queries;
    this.#replica = replica;
    this.#network = network;
    this.#address = address;
    this.#isPreparing = isPreparing;
    this.#replicator = new Replicator(replica, network);
    this.#ear = new Ear({ connect: () => this.#open(), network, level: () => this.refresh() });
  }

  /** Of the copy: a log in PostgreSQL that cannot be written now may be later. */
  get broken(): Error | undefined {
    return this.#replica.broken;
  }

  head(): Promise<Head> {
    return this.#replica.head();
  }

  networkId(): Promise<Hash | undefined> {
    return this.#replica.networkId();
  }

  async append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult> {
    const before = await this.head();
    if (before.position !== expected) return { kind: 'conflict' };
    const sealed = await this.#sealed(commits, before);
    const sent = await this.#send(before, sealed);
    if (sent.kind === 'conflict') await this.refresh();
    if (sent.kind === 'conflict') return sent;
    if (sent.kind === 'lost') return this.#found(sealed);
    await this.#keep(before, sealed, sent.answers);
    return sealed;
  }

  async #sealed(commits: readonly NewCommit[], before: Head): Promise<Committed> {
    let networkId = await this.networkId();
    let head = before;
    const done: Committed['commits'] = [];
    for (const commit of commits) {
      const { actor, commandId, commandDigest } = commit;
      const { position: from } = head;
      const sealed = seal(commit, head, networkId);
      head = sealed.head;
      networkId ??= sealed.records[0]?.hash;
      done.push({
        actor,
        commandId,
        commandDigest,
        from,
        to: head.position,
        hash: head.hash,
        records: sealed.records,
      });
    }
    return { kind: 'committed', commits: done, head };
  }

  async #send(before: Head, sealed: Committed): Promise<Sent> {
    const session = await this.#connected();
    try {
      const answers = await appendSealed(session, this.#network, before, sealed);
      return answers === undefined ? { kind: 'conflict' } : { kind: 'appended', answers };
    } catch (error) {
      if (error instanceof AnswerLost) return { kind: 'lost' };
      if (REPEATABLE.includes(codeOf(error))) return { kind: 'conflict' };
      if (codeOf(error) === READ_ONLY) session.close(); // it has become a standby: the primary is elsewhere
      throw explained(error);
    }
  }

  /** The answer to an append was lost; its first id tells whether all of it is there. */
  async #found(sealed: Committed): Promise<AppendResult> {
    const end = performance.now() + RESOLVE_MS;
    for (;;) {
      try {
        await this.refresh();
        const last = await this.#replica.read(sealed.head.position - 1, 1);
        const [first] = sealed.commits;
        const known = first && (await this.commitOf(first.actor, first.commandId));
        // Without it, the old connection may still write: the same ids are taken once in any case.
        const isOurs = known !== undefined && last[0]?.hash === sealed.head.hash;
        return isOurs ? sealed : { kind: 'conflict' };
      } catch (error) {
        if (!(error instanceof DatabaseAway || error instanceof AnswerLost)) throw error;
        if (performance.now() > end) throw unanswered(error);
      }
      await sleep(PAUSE_MS);
    }
  }

  /** Into the copy at once, unless other answers come first. */
  async #keep(before: Head, sealed: Committed, answers: number): Promise<void> {
    const [own, { position }] = [await this.#replica.answers(), await this.head()];
    if (own === answers - sealed.commits.length && position === before.position)
      await this.#replica.take(sealed.commits);
    else await this.refresh();
  }

  /** Brings the copy level. Throws `DatabaseAway`, `OtherLog`. */
  async refresh(): Promise<void> {
    this.#levelling ??= this.#level().finally(() => {
      this.#levelling = undefined;
    });
    const { home } = await this.#levelling;
    if (home !== 'here') throw movedAway(this.#network, home);
  }

  async #level(): Promise<DatabaseHead> {
    const session = await this.#connected();
    return this.#replicator.level(session).catch((error: unknown) => {
      if (!(error instanceof AnswerLost)) throw error;
      throw new DatabaseAway("the log's database went away while it was read", { cause: error });
    });
  }

  async #connected(): Promise<Session> {
    const session = await this.#session?.catch(() => undefined);
    if (session?.isOpen) return session;
    this.#session = this.#open();
    return this.#session;
  }

  async #open(): Promise<Session> {
    const session = await Session.open(this.#address);
    try {
      await (this.#isPreparing ? prepareTables(session) : checkTables(session));
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  read(after: Position, limit: number): Promise<EventRecord[]> {
    return this.#replica.read(after, limit);
  }

  /** Of the copy: an id that it does not know yet is a conflict when it is appended. */
  commitOf(actor: string, commandId: string): Promise<Commit | undefined> {
    return this.#replica.commitOf(actor, commandId);
  }

  wake(listener: () => void): () => void {
    const [deafen, unsubscribe] = [this.#ear.listen(), this.#replica.wake(listener)];
    return () => {
      unsubscribe();
      deafen();
    };
  }

  witness(): Promise<(Head & { name: string }) | undefined> {
    return this.#replica.witness();
  }

  checkStorage(): Promise<void> {
    return this.#replica.checkStorage();
  }

  backup(to: string): Promise<Head> {
    return this.#replica.backup(to);
  }

  saveState(state: StoredState): Promise<void> {
    return this.#replica.saveState(state);
  }

  loadState(codeVersion: string, until: Position): Promise<StoredState | undefined> {
    return this.#replica.loadState(codeVersion, until);
  }

  dropStates(): Promise<void> {
    return this.#replica.dropStates();
  }

  async close(): Promise<void> {
    this.#ear.close();
    (await this.#session?.catch(() => undefined))?.close();
    await this.#levelling?.catch(() => {});
    await this.#replica.close();
  }
}

/** An id that is known; a lost race at another level of isolation, or for a lock. */
const REPEATABLE = ['23505', '40001', '40P01'];
const READ_ONLY = '25006';

const unanswered = (cause: Error): Failure =>
  new Failure("the log's database went away while it was asked: whether the change was taken is not known", {
    hint: 'look at the history once it answers, or ask again: the same command is taken once',
    cause,
  });

const movedAway = (network: string, home: DatabaseHead['home']): Failure =>
  home === 'file'
    ? new Failure(`the log of ${network} has gone back from the database to a file: nothing was written`, {
        hint: 'it is served on the machine where move-log --to-file was said',
      })
    : new Failure(`the log of ${network} is not whole in the database yet: nothing was written`, {
        hint: `say again, where it comes from: innernet-server move-log ${network} postgres://…`,
      });
