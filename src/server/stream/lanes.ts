/**
 * What is still to be written to many, a little at a time, so that nobody waits long for anything else: in order for
 * each CIDR, the CIDRs in turns. Small things are written at once.
 */
import type { CidrId } from '../../values/id.ts';
import type { Member } from './member.ts';

/** Cost of what is written before others have their turn; a short frame to one member costs 1, some 8 µs. */
const TURN = 400;
/** Bytes that cost as much to write as a frame costs by itself. */
const BYTES_AS_A_FRAME = 4096;
/**
 * Milliseconds between turns that make members ask for something: their requests are to come in between. What those
 * take shows in how late the next turn is, and so much longer is the pause that follows, up to the second number: half
 * of the time is everybody else's.
 */
const PROVOKED_PAUSE = 2;
const LONGEST_PAUSE = 50;

/** Something to be done for each of these members, unless they are gone by then. */
export type Task = {
  members: Iterator<Member>;
  write: (member: Member) => void;
  /** For one member. */
  cost: number;
  /** Members will ask for something as soon as they have it. */
  provokes: boolean;
};

/** What writing these frames to one member costs. */
export const costOf = (frames: Iterable<Buffer>): number => {
  let cost = 0;
  for (const { length } of frames) cost += 1 + length / BYTES_AS_A_FRAME;
  return cost;
};

export class Lanes {
  readonly #lanes = new Map<CidrId, Task[]>();
  #left = TURN;
  #isProvoking = false;
  /** By how many milliseconds the last turn that followed a pause was late. */
  #late = 0;
  #next: NodeJS.Immediate | NodeJS.Timeout | undefined;

  /** Does it now, as far as this turn allows, and the rest soon; after everything that the lane has already. */
  add(cidrId: CidrId, task: Task): void {
    const lane = this.#lanes.get(cidrId);
    if (lane) lane.push(task);
    else this.#lanes.set(cidrId, [task]);
    this.#run();
  }

  close(): void {
    this.#lanes.clear();
    this.#cancel();
  }

  #run(): void {
    for (const [cidrId, lane] of this.#lanes) {
      if (this.#left <= 0) break;
      while (lane[0] && this.#left > 0) if (this.#advance(lane[0])) lane.shift();
      this.#lanes.delete(cidrId); // set anew, it is the last: the others have their turn before it
      if (lane.length > 0) this.#lanes.set(cidrId, lane);
    }
    if (this.#left < TURN) this.#takeTurns();
  }

  /** Whether the task is through. */
  #advance({ members, write, cost, provokes }: Task): boolean {
    while (this.#left > 0) {
      const { done, value } = members.next();
      if (done) return true;
      write(value);
      this.#left -= cost;
      this.#isProvoking ||= provokes;
    }
    return false;
  }

  #takeTurns(): void {
    if (this.#next) return;
    const pause = this.#isProvoking ? Math.min(PROVOKED_PAUSE + this.#late, LONGEST_PAUSE) : 0;
    const due = performance.now() + pause;
    const turn = () => {
      this.#next = undefined;
      this.#late = pause > 0 ? Math.max(0, performance.now() - due) : 0;
      this.#left = TURN;
      this.#isProvoking = false;
      if (this.#lanes.size > 0) this.#run();
    };
    this.#next = pause > 0 ? setTimeout(turn, pause) : setImmediate(turn);
  }

  #cancel(): void {
    clearTimeout(this.#next as NodeJS.Timeout);
    clearImmediate(this.#next as NodeJS.Immediate);
    this.#next = undefined;
  }
}
