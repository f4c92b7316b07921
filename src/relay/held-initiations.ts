/** The last initiation from each peer to one that has no address yet: its mailbox may open in a moment. */
import type { PeerId } from '../values/id.ts';

export type HeldInitiation = { from: PeerId; to: PeerId; packet: Uint8Array };

/** Then WireGuard itself begins again. */
const HELD_MS = 5_000;
const MAX_HELD = 1_000;

export class HeldInitiations {
  /** Oldest first. */
  readonly #held = new Map<string, HeldInitiation & { until: number }>();

  hold(initiation: HeldInitiation, now: number): void {
    const key = `${initiation.from} ${initiation.to}`;
    this.expire(now);
    this.#held.delete(key);
    if (this.#held.size < MAX_HELD) this.#held.set(key, { ...initiation, until: now + HELD_MS });
  }

  /** Those for one peer, which are held no longer. */
  take(to: PeerId, now: number): HeldInitiation[] {
    this.expire(now);
    const taken = [...this.#held].filter(([, held]) => held.to === to);
    for (const [key] of taken) this.#held.delete(key);
    return taken.map(([, held]) => held);
  }

  keep(may: (from: PeerId, to: PeerId) => boolean): void {
    for (const [key, { from, to }] of this.#held) if (!may(from, to)) this.#held.delete(key);
  }

  expire(now: number): void {
    for (const [key, { until }] of this.#held) {
      if (until > now) break;
      this.#held.delete(key);
    }
  }
}
