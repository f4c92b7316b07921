/** The timer that ends invitations whose time is over, and only that. */

import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { ControlPlane } from './control-plane.ts';
import type { SteadyClock } from './steady-clock.ts';

/** Longest sleep, in milliseconds: the clock may jump meanwhile, and timers beyond 24.8 days fire at once. */
const LONGEST_SLEEP = 60_000;
/** Shortest sleep, in milliseconds. */
const SHORTEST_SLEEP = 250;

export class Expiry {
  readonly #live: Live;
  readonly #plane: Pick<ControlPlane, 'execute'>;
  readonly #report: (trouble: string, error: unknown) => void;
  readonly #clock: SteadyClock;
  #timer: NodeJS.Timeout | undefined;
  /** When the next look is due, in milliseconds since 1970. */
  #due = Number.POSITIVE_INFINITY;

  constructor(
    live: Live,
    plane: Pick<ControlPlane, 'execute'>,
    report: (trouble: string, error: unknown) => void,
    clock: SteadyClock,
  ) {
    this.#clock = clock;
    this.#live = live;
    this.#plane = plane;
    this.#report = report;
    live.subscribe((step) => this.#onStep(step));
    this.#lookAt(this.#next());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#due = Number.NEGATIVE_INFINITY;
  }

  /** Only what the commit touched is looked at, not every open invitation. */
  #onStep({ changes }: Step): void {
    for (const { after } of changes.peers.values()) {
      if (after && !after.isRedeemed && after.inviteExpires) this.#lookAt(Date.parse(after.inviteExpires));
    }
  }

  /** When the next open invitation ends, in milliseconds since 1970. */
  #next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { inviteExpires } of this.#live.network.invited()) {
      if (inviteExpires) next = Math.min(next, Date.parse(inviteExpires));
    }
    return next;
  }

  /** Makes sure of a look at that time, or after the longest sleep. */
  #lookAt(time: number): void {
    const due = Math.min(time, this.#clock.now() + LONGEST_SLEEP);
    if (due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    const wait = Math.max(SHORTEST_SLEEP, due - this.#clock.now());
    this.#timer = setTimeout(() => void this.#look(), wait);
  }

  async #look(): Promise<void> {
    try {
      if (this.#next() <= this.#clock.now()) {
        await this.#plane.execute({ type: 'ExpireInvitations' }, { actor: { kind: 'server' } });
      }
    } catch (error) {
      this.#report('ended invitations could not be recorded', error);
    }
    if (this.#due === Number.NEGATIVE_INFINITY) return;
    this.#due = Number.POSITIVE_INFINITY;
    this.#lookAt(this.#next());
  }
}
