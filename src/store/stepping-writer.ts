/**
 * The writer of a program that runs for long: a few short commits are written in this very thread, because handing
 * them to another and back costs as much as writing one; whatever may take long goes to the thread.
 */
import type { Position } from '../values/id.ts';
import type { AppendResult, NewCommit, StoredState } from './log.ts';
import { LockHeld } from './open.ts';
import type { Projection } from './projection.ts';
import { LogWriter } from './writer.ts';
import { ThreadWriter, type Writer } from './writer-thread.ts';

/** Commits and their events that are written in no time. */
const FEW = 24;

/** Commits that take longer than this, in milliseconds, stop everything else for too long … */
const SLOW = 5;
/** … where they come in a row: one that was slow by chance is no rule … */
const IN_A_ROW = 3;
/** … so that the thread writes for this long, in milliseconds, before the disk is tried from here once more … */
const SHORTEST_REST = 500;
/** … and for twice as long each time that it is still slow, up to this. */
const LONGEST_REST = 10_000;

export class SteppingWriter implements Writer {
  readonly #near: LogWriter;
  readonly #far: ThreadWriter;
  readonly #slow: number;
  /** Appends that the thread has not answered yet. */
  #away = 0;
  /** Commits here, one after the other, that were slow. */
  #slowOnes = 0;
  #restsUntil = 0;
  #rest = SHORTEST_REST;

  private constructor(file: string, projections: readonly Projection[], far: ThreadWriter, slow: number) {
    this.#near = new LogWriter(file, projections, { tidy: () => this.#tidy() });
    this.#far = far;
    this.#slow = slow;
  }

  /** As `ThreadWriter.start`; `slow` is another number of milliseconds than the usual one. */
  static async start(
    workerFile: URL,
    file: string,
    projections: readonly Projection[],
    slow = SLOW,
  ): Promise<SteppingWriter> {
    const far = await ThreadWriter.start(workerFile, file);
    try {
      return new SteppingWriter(file, projections, far, slow);
    } catch (error) {
      await far.close();
      throw error;
    }
  }

  async append(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult> {
    if (!this.#isForHere(commits)) return this.#appendAway(expected, commits);
    const begin = performance.now();
    try {
      return this.#near.append(expected, commits);
    } catch (error) {
      if (!(error instanceof LockHeld)) throw error;
      return this.#appendAway(expected, commits);
    } finally {
      this.#note(performance.now() - begin);
    }
  }

  #note(took: number): void {
    if (took <= this.#slow) {
      this.#slowOnes = 0;
      this.#rest = SHORTEST_REST;
      return;
    }
    this.#slowOnes += 1;
    if (this.#slowOnes < IN_A_ROW) return;
    this.#restsUntil = performance.now() + this.#rest;
    this.#rest = Math.min(2 * this.#rest, LONGEST_REST);
  }

  saveState(state: StoredState): Promise<void> {
    return this.#far.saveState(state);
  }

  dropStates(): Promise<void> {
    return this.#far.dropStates();
  }

  async close(): Promise<void> {
    this.#near.close();
    await this.#far.close();
  }

  /** The thread moves the WAL's pages; if the disk fails under that, the thread's next answer says so. */
  async #tidy(): Promise<void> {
    if (!(await this.#far.checkpoint().catch(() => false))) this.#restsUntil = Number.POSITIVE_INFINITY;
  }

  /** A disk that has failed under this thread has failed: it goes on saying so. */
  #isForHere(commits: readonly NewCommit[]): boolean {
    if (this.#near.isBroken) return true;
    if (commits.length + commits.reduce((sum, { events }) => sum + events.length, 0) > FEW) return false;
    return this.#away === 0 && performance.now() >= this.#restsUntil;
  }

  async #appendAway(expected: Position, commits: readonly NewCommit[]): Promise<AppendResult> {
    this.#away += 1;
    try {
      return await this.#far.append(expected, commits);
    } finally {
      this.#away -= 1;
    }
  }
}
