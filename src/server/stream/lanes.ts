/** Frames to many members: in order within a view, the views in turns. */
import type { ViewKey } from '../../domain/views.ts';
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
  readonly #lanes = new Map<ViewKey, Task[]>();
  #left = MAX_WRITES;
  #next: NodeJS.Immediate | undefined;

  /** After everything in the lane: within this turn's limit now, the rest soon. */
  add(view: ViewKey, task: Task): void {
    const lane = this.#lanes.get(view);
    if (lane) lane.push(task);
    else this.#lanes.set(view, [task]);
    this.#run();
  }

  close(): void {
    this.#lanes.clear();
    clearImmediate(this.#next);
  }

  #run(): void {
    for (const [view, lane] of this.#lanes) {
      if (this.#left <= 0) break;
      while (lane[0] && this.#left > 0) if (this.#advance(lane[0])) lane.shift();
      this.#lanes.delete(view); // set again, it is the last: the others have their turn before it
      if (lane.length > 0) this.#lanes.set(view, lane);
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
