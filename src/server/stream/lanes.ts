/** Frames to many members: in order within a CIDR, the CIDRs in turns. */
import type { CidrId } from '../../values/id.ts';
import type { Member } from './member.ts';

/** Per turn of the event loop: some 3 ms. */
const MAX_WRITES = 400;

export type Task = {
  members: Iterator<Member>;
  write: (member: Member) => void;
  /** More than 1 where it makes its member send a request. */
  weight?: number;
};

export class Lanes {
  readonly #lanes = new Map<CidrId, Task[]>();
  #left = MAX_WRITES;
  #next: NodeJS.Immediate | undefined;

  /** After everything in the lane: within this turn's limit now, the rest soon. */
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
