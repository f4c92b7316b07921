/** The only entry for changes: look up, decide, append; waiting commands share a transaction. */
import { ulid } from 'ulid';
import type { Command } from '../../domain/command.ts';
import { decide } from '../../domain/decide.ts';
import { type Said, wordsBefore } from '../../domain/enforcers.ts';
import type { Network } from '../../domain/network.ts';
import { Rejected } from '../../domain/rejection.ts';
import { type Actor, actorText } from '../../events/actor.ts';
import type { NetworkEvent } from '../../events/schema.ts';
import { eventOf } from '../../events/upcast.ts';
import { commitFrom, type RecordedCommit } from '../../store/commit.ts';
import type { AppendResult, Commit, EventLog, NewCommit } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import { type Hash, NO_HASH, type Position } from '../../values/id.ts';
import type { Timestamp } from '../../values/time.ts';
import { digestOfCommand } from './command-digest.ts';
import type { Outcome } from './outcome.ts';

/** A repeat (actor, id, command) gets the first answer again. `isProved`: by the peer's key. */
export type Request = { actor: Actor; commandId?: string; isProved?: boolean };

type Job = {
  command: Command;
  actor: Actor;
  actorText: string;
  commandId: string;
  isProved: boolean;
  digest: Hash;
  resolve: (outcome: Outcome) => void;
  reject: (error: unknown) => void;
};

/** Not answered before the commit. */
type Decided = Accepted | { job: Job; refused: unknown };
type Accepted = { job: Job; events: readonly NetworkEvent[]; at: Timestamp };

/** Jobs to decide again, and the engine's failure, if any. */
type Round = { open: Job[]; trouble?: Error };

type Committed = Extract<AppendResult, { kind: 'committed' }>;

const MAX_BATCH = 256;
/** No further command joins then: the file's lock must not be held long. */
const MAX_TRANSACTION = 1_000;
/** Other processes write the same file. */
const MAX_ROUNDS = 100;

export type WritableLog = Pick<EventLog, 'read' | 'commitOf' | 'append' | 'head' | 'refresh'>;

/** The log with another way to append. */
export const appendingBy = (log: WritableLog, append: WritableLog['append']): WritableLog => ({
  read: (after, limit) => log.read(after, limit),
  commitOf: (actor, commandId) => log.commitOf(actor, commandId),
  head: () => log.head(),
  refresh: () => log.refresh(),
  append,
});

/** At a committed position. */
type Followed = {
  readonly network: Network;
  catchUp(): Promise<void>;
  /** Called after each own commit; may have read it already. */
  take(commit: RecordedCommit): void;
};

export class ControlPlane {
  readonly #log: WritableLog;
  readonly #followed: Followed;
  readonly #now: () => Timestamp;
  readonly #ends: () => Timestamp;
  readonly #said: () => Iterable<Said>;
  #waiting: Job[] = [];
  #working = false;

  /** `now` is written into the log; expiry is judged by `ends`. `said`: what the programs of peers know. */
  constructor(
    log: WritableLog,
    followed: Followed,
    now: () => Timestamp = timestamp,
    ends: () => Timestamp = now,
    said: () => Iterable<Said> = () => [],
  ) {
    this.#log = log;
    this.#followed = followed;
    this.#now = now;
    this.#ends = ends;
    this.#said = said;
  }

  /**
   * Carries a command out, or returns the stored answer to the same actor and id. Resolves after the commit.
   * Throws `Rejected` when a rule refuses, `Failure` when the log cannot be written.
   */
  execute(command: Command, { actor, commandId = ulid(), isProved = false }: Request): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const digest = digestOfCommand(command);
      const asked = { command, actor, actorText: actorText(actor), commandId, isProved };
      this.#waiting.push({ ...asked, digest, resolve, reject });
      if (this.#working) return;
      this.#working = true;
      queueMicrotask(() => void this.#work()); // what is asked in one breath is one batch
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      await this.#settle(batch).catch((error: unknown) => {
        for (const job of batch) job.reject(error);
      });
    }
    this.#working = false;
  }

  async #settle(batch: Job[]): Promise<void> {
    let round: Round = { open: batch };
    for (let count = 0; round.open.length > 0; count++) {
      if (count === MAX_ROUNDS) {
        throw new Failure('other programs kept writing to the log at the same moment', { hint: 'try again' });
      }
      const { trouble } = round;
      round = await this.#round(round.open);
      if (trouble && round.trouble) throw brokenLog(round.trouble);
    }
  }

  async #round(jobs: Job[]): Promise<Round> {
    const fresh: Job[] = [];
    for (const job of jobs) if (!(await this.#answeredBefore(job))) fresh.push(job);
    await this.#followed.catchUp();
    const { position } = this.#followed.network;
    const { decided, postponed } = this.#decideAll(fresh);
    if (decided.some((entry) => 'refused' in entry) && (await this.#hasGrown(position)))
      return { open: jobs };
    const accepted = decided.filter((entry) => 'events' in entry);
    const round = await this.#append(position, accepted, fresh);
    if (round.open.length > 0) return round;
    for (const entry of decided) if ('refused' in entry) await this.#refuse(entry.job, entry.refused);
    return { open: postponed };
  }

  /** No command is refused for what another machine has changed already. */
  async #hasGrown(position: Position): Promise<boolean> {
    await this.#log.refresh();
    return (await this.#log.head()).position > position;
  }

  /** Another program may have carried out the same command meanwhile, which then causes this refusal. */
  async #refuse(job: Job, refused: unknown): Promise<void> {
    if (!(await this.#answeredBefore(job))) job.reject(refused);
  }

  /** Answers the accepted jobs, or leaves all jobs open. */
  async #append(position: Position, accepted: readonly Accepted[], jobs: Job[]): Promise<Round> {
    if (accepted.length === 0) return { open: [] };
    const result = await this.#log.append(position, accepted.map(commitOf));
    if (result.kind === 'unknown') return { open: jobs, trouble: result.cause };
    if (result.kind === 'conflict') return { open: jobs };
    for (const [index, { records }] of result.commits.entries())
      if (records.length > 0) this.#followed.take(commitFrom(records, accepted[index]?.events));
    answer(accepted, result);
    return { open: [] };
  }

  async #answeredBefore(job: Job): Promise<boolean> {
    const earlier = await this.#log.commitOf(job.actorText, job.commandId);
    if (!earlier) return false;
    if (earlier.commandDigest === job.digest) job.resolve(await this.#outcomeOf(earlier));
    else job.reject(new Rejected({ code: 'CommandIdReused', commandId: job.commandId }));
    return true;
  }

  async #outcomeOf({ from, to }: Commit): Promise<Outcome> {
    const records = await this.#log.read(from, to - from);
    const hash = records.at(-1)?.hash ?? (await this.#hashAt(to));
    return { position: to, hash, events: records.map(eventOf) };
  }

  async #hashAt(position: Position): Promise<Hash> {
    return (await this.#log.read(position - 1, 1))[0]?.hash ?? NO_HASH;
  }

  /** Decides each job on the result of the earlier ones. */
  #decideAll(jobs: Job[]): { decided: Decided[]; postponed: Job[] } {
    const decided: Decided[] = [];
    const postponed: Job[] = [];
    const draft = this.#followed.network.draft();
    const ids = new Set<string>();
    let events = 0;
    for (const job of jobs) {
      const id = `${job.commandId} ${job.actorText}`;
      if (ids.has(id) || events >= MAX_TRANSACTION) {
        postponed.push(job);
        continue;
      }
      ids.add(id);
      const entry = this.#decide(job, draft);
      for (const each of [...this.#before(entry, draft), entry]) {
        decided.push(each);
        if (!('events' in each)) continue;
        for (const event of each.events) draft.evolve(event);
        events += each.events.length;
      }
    }
    return { decided, postponed };
  }

  /** A commit of the server's own that a limit needs before it. */
  #before(entry: Decided, draft: Network): Accepted[] {
    if (!('events' in entry)) return [];
    const events = wordsBefore(draft, entry.events, this.#said);
    return events.length === 0 ? [] : [{ job: ownJob(events), events, at: entry.at }];
  }

  /** A rule that throws is a bug and fails this job alone. */
  #decide(job: Job, draft: Network): Decided {
    const at = this.#now();
    try {
      const { command, actor, isProved } = job;
      const decision = decide(draft, command, { actor, now: this.#ends(), isProved });
      if (decision.accepted) return { job, events: decision.events, at };
      return { job, refused: new Rejected(decision.rejection) };
    } catch (bug) {
      return { job, refused: bug };
    }
  }
}

/** Nobody waits for it. */
const ownJob = (events: readonly NetworkEvent[]): Job => {
  const said = events.flatMap((event) =>
    event.type === 'PeerEnforces' ? [{ peerId: event.peerId, limits: event.limits }] : [],
  );
  const command: Command = { type: 'RecordEnforcers', said };
  const actor: Actor = { kind: 'server' };
  const names = { actor, actorText: actorText(actor), commandId: ulid(), isProved: false };
  return { command, ...names, digest: digestOfCommand(command), resolve: () => {}, reject: () => {} };
};

const answer = (accepted: readonly Accepted[], { commits }: Committed): void => {
  for (const [index, { to: position, hash }] of commits.entries()) {
    const entry = accepted[index];
    entry?.job.resolve({ position, hash, events: [...entry.events] });
  }
};

const commitOf = ({ job, events, at }: Accepted): NewCommit => ({
  actor: job.actorText,
  commandId: job.commandId,
  commandDigest: job.digest,
  recordedAt: at,
  events,
});

const brokenLog = (cause: Error): Failure =>
  new Failure('the log cannot be written: its disk or its writer fails', {
    hint: 'look at the disk, then start this program again',
    cause,
  });

export const timestamp = (): Timestamp => new Date().toISOString() as Timestamp;
