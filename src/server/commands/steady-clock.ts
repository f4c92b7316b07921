/** The clock by which invitations end: it follows the machine's clock, but believes a jump ahead only after a while. */
import type { Timestamp } from '../../values/time.ts';

/** Milliseconds by which the two clocks may part without a jump: clocks are corrected by less between two looks. */
const TOLERANCE = 2_000;
/** Milliseconds for which a jump ahead must stand: long enough for a time service to take a wrong one back. */
export const BELIEVED_AFTER = 600_000;

/** Both in milliseconds: since 1970, may jump; and since any moment, never does. */
export type Clocks = { wall: () => number; monotonic: () => number };

const OF_THIS_MACHINE: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() };

export class SteadyClock {
  readonly #clocks: Clocks;
  /** What the wall clock is ahead of the monotonic one, as believed. */
  #offset: number;
  /** When a jump ahead was first seen, by the monotonic clock. */
  #jumpedAt: number | undefined;

  constructor(clocks: Clocks = OF_THIS_MACHINE) {
    this.#clocks = clocks;
    this.#offset = clocks.wall() - clocks.monotonic();
  }

  /** Milliseconds since 1970. A jump back is believed at once: it ends nothing. */
  now(): number {
    const [wall, monotonic] = [this.#clocks.wall(), this.#clocks.monotonic()];
    const ahead = wall - monotonic - this.#offset;
    const hasStood = this.#jumpedAt !== undefined && monotonic - this.#jumpedAt >= BELIEVED_AFTER;
    if (ahead > TOLERANCE && !hasStood) {
      this.#jumpedAt ??= monotonic;
      return monotonic + this.#offset;
    }
    this.#jumpedAt = undefined;
    this.#offset = wall - monotonic;
    return wall;
  }

  timestamp(): Timestamp {
    return new Date(this.now()).toISOString() as Timestamp;
  }
}
