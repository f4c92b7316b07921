/** How often something may be done: a rate, and a burst that fills up again at that rate. */

export type Rate = { perSecond: number; burst: number };

export class Allowance {
  readonly #rate: Rate;
  #left: number;
  #at = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#left = rate.burst;
  }

  /** False: used up. `now` in monotonic ms. */
  take(now: number): boolean {
    const { perSecond, burst } = this.#rate;
    const gained = Math.max(0, now - this.#at) * (perSecond / 1000);
    this.#left = Math.min(burst, this.#left + gained);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** One allowance for each of many. */
export class Allowances<K> {
  readonly #rate: Rate;
  readonly #most: number;
  readonly #each = new Map<K, Allowance>();

  /** Beyond `most` the one that began first is forgotten. */
  constructor(rate: Rate, most: number) {
    this.#rate = rate;
    this.#most = most;
  }

  take(who: K, now: number): boolean {
    let allowance = this.#each.get(who);
    if (!allowance) {
      allowance = new Allowance(this.#rate);
      this.#each.set(who, allowance);
      for (const oldest of this.#each.keys()) {
        if (this.#each.size <= this.#most) break;
        this.#each.delete(oldest);
      }
    }
    return allowance.take(now);
  }
}
