/** The one way in for changes: look the command up, decide, append; waiting commands share one transaction. */
import { ulid } from 'ulid';
import type { Command } from '../domain/command.ts';
import { decide } from '../domain/decide.ts';
import type { Network } from '../domain/network.ts';
import { Rejected } from '../domain/rejection.ts';
import { type Actor, actorText } from '../events/actor.ts';
import type { NetworkEvent } from '../events/schema.ts';
import { eventOf } from '../events/upcast.ts';
import type { Outcome } from '../protocol/commands.ts';
import type { Commit, EventLog, NewCommit } from '../store/log.ts';
import { Failure } from '../values/failure.ts';
import { type Hash, NO_HASH, type Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import { digestOfCommand } from './command-digest.ts';

/** Who asks, and under which id; the same pair with the same command gets the first answer again. */
export type Request = { actor: Actor; commandId?: string };

type Job = {
  command: Command;
  actor: Actor;
  actorText: string;
  commandId: string;
  digest: Hash;
  resolve: (outcome: Outcome) => void;
  reject: (error: unknown) => void;
};

/** A decision that waits for its commit: nobody hears of it before. */
type Decided = Accepted | { job: Job; refused: Rejected };
type Accepted = { job: Job; events: readonly NetworkEvent[] };

/** How far the state is ahead of the log: `ahead` is not in it yet; `tentative` tells that other new events are. */
type Draft = { ahead: readonly NetworkEvent[]; tentative: boolean };

/** Commands that share one transaction, at most. */
const LARGEST_BATCH = 256;
/** Other processes write the same file; a round that loses this often is told so instead of trying on. */
const MOST_ROUNDS = 100;

const stillWaiting = (job: Job, decided: readonly Decided[]): boolean =>
  decided.some(({ job: other }) => other.commandId === job.commandId && other.actorText === job.actorText);

export class ControlPlane {
  readonly #log: EventLog;
  readonly #reload: () => Promise<Network>;
  readonly #now: () => Timestamp;
  #network: Network;
  #waiting: Job[] = [];
  #working = false;

  /** `reload` makes the network at the log's end, or near it, anew: after a failed transaction. */
  constructor(
    log: EventLog,
    network: Network,
    reload: () => Promise<Network>,
    now: () => Timestamp = timestamp,
  ) {
    this.#log = log;
    this.#network = network;
    this.#reload = reload;
    this.#now = now;
  }

  /**
   * Carries a command out, or gives the kept answer to an earlier one with the same actor and id. Resolves after
   * the commit. Throws `Rejected` when a rule says no, `Failure` when the log cannot be written.
   */
  execute(command: Command, { actor, commandId = ulid() }: Request): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const digest = digestOfCommand(command);
      this.#waiting.push({ command, actor, actorText: actorText(actor), commandId, digest, resolve, reject });
      if (!this.#working) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#working = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, LARGEST_BATCH);
      try {
        await this.#settle(batch);
      } catch (error) {
        await this.#startOver().catch(() => undefined);
        for (const job of batch) job.reject(error);
      }
    }
    this.#working = false;
  }

  /** Repeats rounds until every job has its answer. */
  async #settle(batch: Job[]): Promise<void> {
    let open = batch;
    for (let round = 0; open.length > 0; round++) {
      if (round === MOST_ROUNDS) {
        throw new Failure('other programs kept writing to the log at the same moment', { hint: 'try again' });
      }
      open = await this.#round(open);
    }
  }

  /** One look-up, decision and append for all jobs; returns those that have to be decided again. */
  async #round(jobs: Job[]): Promise<Job[]> {
    const fresh: Job[] = [];
    for (const job of jobs) if (!(await this.#answeredBefore(job))) fresh.push(job);
    await this.#catchUp();
    const { decided, postponed, ...draft } = this.#decideAll(fresh);
    const accepted = decided.filter((entry) => 'events' in entry);
    if (accepted.length > 0 && !(await this.#append(accepted, draft))) return fresh;
    for (const entry of decided) if ('refused' in entry) entry.job.reject(entry.refused);
    return postponed;
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

  /** Reads what other processes appended. */
  async #catchUp(): Promise<void> {
    const { position } = await this.#log.head();
    while (this.#network.position < position) {
      const records = await this.#log.read(this.#network.position, 1000);
      const end = records.at(-1)?.position;
      if (end === undefined) return;
      this.#network.advance(records.map(eventOf), end);
    }
  }

  /**
   * Decides one job after another, each on what the earlier ones will have done. The last one's events are left
   * out of the state until they are committed, so that a lone command that loses a race costs no reload.
   */
  #decideAll(jobs: Job[]): { decided: Decided[]; postponed: Job[] } & Draft {
    const decided: Decided[] = [];
    const postponed: Job[] = [];
    let ahead: readonly NetworkEvent[] = [];
    let tentative = false;
    for (const job of jobs) {
      if (stillWaiting(job, decided)) {
        postponed.push(job);
        continue;
      }
      for (const event of ahead) this.#network.evolve(event);
      tentative ||= ahead.length > 0;
      const decision = decide(this.#network, job.command, { actor: job.actor, now: this.#now() });
      ahead = decision.accepted ? decision.events : [];
      decided.push(
        decision.accepted
          ? { job, events: decision.events }
          : { job, refused: new Rejected(decision.rejection) },
      );
    }
    return { decided, postponed, ahead, tentative };
  }

  /** False when nothing was written and the jobs must be looked up and decided again. */
  async #append(accepted: Accepted[], { ahead, tentative }: Draft): Promise<boolean> {
    const commits = accepted.map(({ job, events }) => this.#commitOf(job, events));
    const result = await this.#log.append(this.#network.position, commits);
    if (result.kind !== 'committed') {
      if (tentative || result.kind === 'unknown') await this.#startOver();
      return false;
    }
    this.#network.advance(ahead, result.head.position);
    for (const [index, commit] of result.commits.entries()) {
      const entry = accepted[index];
      const hash = commit.to === result.head.position ? result.head.hash : await this.#hashAt(commit.to);
      entry?.job.resolve({ position: commit.to, hash, events: [...entry.events] });
    }
    return true;
  }

  #commitOf(job: Job, events: readonly NetworkEvent[]): NewCommit {
    const { actorText: actor, commandId, digest: commandDigest } = job;
    return { actor, commandId, commandDigest, recordedAt: this.#now(), events };
  }

  async #startOver(): Promise<void> {
    this.#network = await this.#reload();
  }
}

/** The server's clock: what expiry is judged by. */
export const timestamp = (): Timestamp => new Date().toISOString() as Timestamp;
