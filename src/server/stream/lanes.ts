/** Frames to many members, so many before the event loop goes round: in order for each CIDR, the CIDRs in turns. */
import type { CidrId } from '../../values/id.ts';
import type { Member } from './member.ts';

/** Writes of ordinary frames before everything else has its turn: some 3 ms. */
const MAX_WRITES = 400;

/** Something to be written to each of these members, unless they are gone by then. */
export type Task = {
  members: Iterator<Member>;
  write: (member: Member) => void;
  /** For how many writes one counts: more than 1 where it makes its member ask for something. */
  weight?: number;
};

export class Lanes {
  readonly #lanes = new Map<CidrId, Task[]>();
  #left = MAX_WRITES;
  #next: NodeJS.Immediate | undefined;

  /** Does it now, as far as this turn allows, and the rest soon; after everything that the lane has already. */
  add(cidrId: CidrId, task: Task): void {
    const lane = this.#lanes.get(cidrId);
    if (lane) lane.push(task);
    else this.#lanes.set(cidrId, [task]);
    this.#run();
  }

  close(): void {
    this.#lanes.clear();
    clearImmediate(this.#next);
  }

  #run(): void {
    for (const [cidrId, lane] of this.#lanes) {
      if (this.#left <= 0) break;
      while (lane[0] && this.#left > 0) if (this.#advance(lane[0])) lane.shift();
      this.#lanes.delete(cidrId); // set again, it is the last: the others have their turn before it
      if (lane.length > 0) this.#lanes.set(cidrId, lane);
    }
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      this.#left = MAX_WRITES;
      if (this.#lanes.size > 0) this.#run();
    });
  }

  /** Whether the task is through. */
  #advance({ members, write, weight = 1 }: Task): boolean {
    while (this.#left > 0) {
      const { done, value } = members.next();
      if (done) return true;
      write(value);
      this.#left -= weight;
    }
    return false;
  }
}
