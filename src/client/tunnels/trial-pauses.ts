/** When a pair tries the direct way again: soon after a fall, ever more rarely after failures; no I/O. */

/** After a trial that failed; the last one repeats. */
const AFTER_FAILURE_MS = [30_000, 120_000, 600_000, 3_600_000] as const;
/** After a fall: the way may heal at once. So often, then as after a failure. */
const AFTER_FALL_MS = 5000;
const TRIES_AFTER_FALL = 12;
/** So many falls within this time are followed by a rest as long. */
const MAX_FALLS = 3;
const FALLS_WITHIN_MS = 600_000;

export class TrialPauses {
  /** When the next trial is due, in ms of the monotonic clock. */
  nextAt: number;
  #failures = 0;
  #healing = 0;
  #falls: number[] = [];

  constructor(now: number) {
    this.nextAt = now;
  }

  /** Other places, or another hope. */
  hearNews(now: number): void {
    this.nextAt = Math.min(this.nextAt, now);
    this.#failures = 0;
  }

  /** This machine moved: the other side must hear of it first. */
  move(now: number): void {
    this.nextAt = now + AFTER_FALL_MS;
    this.#failures = 0;
  }

  fail(now: number): void {
    if (this.#healing > 0) {
      this.#healing -= 1;
      this.nextAt = now + AFTER_FALL_MS;
      return;
    }
    this.nextAt = now + (AFTER_FAILURE_MS[Math.min(this.#failures, AFTER_FAILURE_MS.length - 1)] ?? 0);
    this.#failures += 1;
  }

  succeed(): void {
    this.#failures = 0;
  }

  /** The direct way died. */
  fall(now: number): void {
    this.#falls = [...this.#falls.filter((at) => now - at < FALLS_WITHIN_MS), now];
    this.#healing = TRIES_AFTER_FALL;
    this.nextAt = now + (this.#falls.length >= MAX_FALLS ? FALLS_WITHIN_MS : AFTER_FALL_MS);
  }
}
