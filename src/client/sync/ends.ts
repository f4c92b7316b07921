/** Drops peers whose time is over, by the server's clock as it was last proved: also while the server is away. */
import { printable } from '../../domain/rejection.ts';
import type { Turns } from '../../wireguard/device.ts';
import type { Effect, Mirror } from '../memory/mirror.ts';
import { machineClock, timeThere } from '../memory/server-time.ts';

/** While peers with an end are in sight, the server's time is noted this often, in milliseconds. */
const NOTED_EVERY = 3_600_000;
/** A server's clock that is behind what was reckoned by more than this was set back, in milliseconds. */
const TOLERANCE = 60_000;

export type EndsParts = {
  mirror: Mirror;
  /** The turns in which the journal's owner does everything. */
  turns: Turns;
  applier: {
    commit: (effect: Effect) => Promise<void>;
    complain: (message: string) => void;
    foldSoon: () => void;
  };
  say: (message: string) => void;
};

/** What goes because its time is over; undefined where nothing does, or no server ever proved what time it is. */
export const overdue = (mirror: Mirror): Effect | undefined =>
  mirror.clock && mirror.judgeEnds(timeThere(mirror.clock, machineClock()));

export class Ends {
  readonly #parts: EndsParts;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(parts: EndsParts) {
    this.#parts = parts;
    this.look();
  }

  /** A proved server tells the time. Whether its clock was set back: who was dropped by the other one may be there still. */
  hear(told: number): boolean {
    const { mirror } = this.#parts;
    const [before, here] = [mirror.clock, machineClock()];
    mirror.clock = { told, here };
    this.#note();
    this.look();
    return before !== undefined && timeThere(before, here) - told > TOLERANCE;
  }

  /** Makes sure that the next end is acted on; to be called when rows have changed. */
  look(): void {
    clearTimeout(this.#timer);
    const { mirror } = this.#parts;
    const next = mirror.nextEnd();
    if (this.#isClosed || mirror.clock === undefined || next === undefined) return;
    const wait = Math.max(0, next - timeThere(mirror.clock, machineClock()));
    this.#timer = setTimeout(() => this.#act(), Math.min(wait, NOTED_EVERY));
  }

  /** The last note is taken along by whoever folds next. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#reckon();
  }

  #act(): void {
    const { mirror, turns, applier, say } = this.#parts;
    void turns.take(async () => {
      if (this.#isClosed) return;
      this.#reckon();
      this.#note();
      const effect = overdue(mirror);
      for (const id of effect?.peers.removed ?? [])
        say(`the time of "${printable(mirror.peer(id)?.name ?? '')}" is over: it is cut off`);
      if (effect) await applier.commit(effect).catch((error: Error) => applier.complain(error.message));
      this.look();
    });
  }

  /** A restart of the machine goes on from what was noted last. */
  #reckon(): void {
    const { mirror } = this.#parts;
    const here = machineClock();
    if (mirror.clock) mirror.clock = { told: timeThere(mirror.clock, here), here };
  }

  #note(): void {
    if (this.#parts.mirror.nextEnd() !== undefined) this.#parts.applier.foldSoon();
  }
}
