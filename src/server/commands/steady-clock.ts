/** The clock for expiry: it believes a jump ahead only after a while. */
import type { Timestamp } from '../../values/time.ts';

/** Drift that is no jump: clocks are corrected by less. */
const TOLERANCE_MS = 2_000;
/** How long a jump ahead must last: enough for a time service to correct a wrong one. */
export const BELIEVED_AFTER_MS = 600_000;

/** Milliseconds; `wall` since 1970. */
export type Clocks = { wall: () => number; monotonic: () => number };

const OF_THIS_MACHINE: Clocks = { wall: () => Date.now(), monotonic: () => performance.now() };

export class SteadyClock {
  readonly #clocks: Clocks;
  #offset: number;
  /** By the monotonic clock. */
  #jumpedAt: number | undefined;

  constructor(clocks: Clocks = OF_THIS_MACHINE) {
    this.#clocks = clocks;
    this.#offset = clocks.wall() - clocks.monotonic();
  }

  /** Milliseconds since 1970. A jump back is believed at once: it ends nothing. */
  now(): number {
    const [wall, monotonic] = [this.#clocks.wall(), this.#clocks.monotonic()];
    const ahead = wall - monotonic - this.#offset;
    const hasStood = this.#jumpedAt !== undefined && monotonic - this.#jumpedAt >= BELIEVED_AFTER_MS;
    if (ahead > TOLERANCE_MS && !hasStood) {
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
