/** Drops expired peers by the server's last proved clock, even without the server. */
import { printable } from '../../domain/rejection.ts';
import type { Turns } from '../../machine/turns.ts';
import type { Effect, Mirror } from '../memory/mirror.ts';
import { machineClock, timeThere } from '../memory/server-time.ts';

/** How often the server's time is noted while a peer in sight has an expiry. */
const NOTED_EVERY_MS = 3_600_000;
/** A larger lag means that the server's clock was set back. */
const TOLERANCE_MS = 60_000;

export type EndsParts = {
  mirror: Mirror;
  /** Of the journal's owner. */
  turns: Turns;
  applier: {
    commit: (effect: Effect) => Promise<void>;
    complain: (message: string) => void;
    foldSoon: () => void;
  };
  say: (message: string) => void;
};

/** Undefined if nothing expired or no server ever proved its time. */
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

  /** Takes a proved time. Returns whether the clock was set back: dropped peers may still exist. */
  hear(told: number): boolean {
    const { mirror } = this.#parts;
    const [before, here] = [mirror.clock, machineClock()];
    mirror.clock = { told, here };
    this.#note();
    this.look();
    return before !== undefined && timeThere(before, here) - told > TOLERANCE_MS;
  }

  /** Schedules the next expiry; call it when rows change. */
  look(): void {
    clearTimeout(this.#timer);
    const { mirror } = this.#parts;
    const next = mirror.nextEnd();
    if (this.#isClosed || mirror.clock === undefined || next === undefined) return;
    const wait = Math.max(0, next - timeThere(mirror.clock, machineClock()));
    this.#timer = setTimeout(() => this.#act(), Math.min(wait, NOTED_EVERY_MS));
  }

  /** The next fold saves the last note. */
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

  /** After a restart, time continues from the last note. */
  #reckon(): void {
    const { mirror } = this.#parts;
    const here = machineClock();
    if (mirror.clock) mirror.clock = { told: timeThere(mirror.clock, here), here };
  }

  #note(): void {
    if (this.#parts.mirror.nextEnd() !== undefined) this.#parts.applier.foldSoon();
  }
}
