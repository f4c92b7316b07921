/**
 * Session times by a clock that cannot be set.
 * WireGuard uses the wall clock; if it jumps by hours, live and ended sessions must not be confused.
 */

import type { PublicKey } from '../../values/key.ts';
import type { DeviceState } from '../../wireguard/device.ts';

/** Smaller differences are no jump. */
const SLACK_MS = 250;

type Moments = {
  /** Milliseconds of the monotonic clock. */
  now: number;
  /** Milliseconds since 1970. */
  wall: number;
};

export class SessionTimes {
  readonly #clockOffset: number;
  readonly #known = new Map<PublicKey, { stamp: number; at: number }>();
  #looked: number | undefined;

  constructor({ now, wall }: Moments) {
    this.#clockOffset = wall - now;
  }

  /** Milliseconds since 1970 by the clock at the start, plus monotonic time since. */
  wall(now: number): number {
    return now + this.#clockOffset;
  }

  /** Handshakes in `wall` time; new ones happened since the last look. */
  steady(state: DeviceState, moments: Moments): DeviceState {
    const peers = new Map(state.peers);
    for (const [key, peer] of peers) {
      if (peer.latestHandshake === undefined) continue;
      const known = this.#known.get(key);
      const at =
        known?.stamp === peer.latestHandshake ? known.at : this.#moment(peer.latestHandshake, moments);
      this.#known.set(key, { stamp: peer.latestHandshake, at });
      peers.set(key, { ...peer, latestHandshake: at });
    }
    for (const key of this.#known.keys()) if (!peers.has(key)) this.#known.delete(key);
    this.#looked = moments.now;
    return { ...state, peers };
  }

  #moment(stamp: number, { now, wall }: Moments): number {
    const steady = this.wall(now);
    const longest = this.#looked === undefined ? Number.POSITIVE_INFINITY : now - this.#looked;
    const age = Math.min(Math.max(0, wall - stamp), longest);
    const isPlain = Math.abs(wall - steady) < SLACK_MS && Math.abs(wall - stamp - age) < SLACK_MS;
    return isPlain ? stamp : steady - age;
  }
}
