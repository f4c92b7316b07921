/**
 * When sessions began, by a clock that nobody can set: WireGuard names handshakes by the machine's clock, and if that
 * jumps by hours, a session that stands must not look like one that ended, nor one that ended like one that stands.
 */

import type { PublicKey } from '../../values/key.ts';
import type { DeviceState } from '../../wireguard/device.ts';

/** Clocks that run apart by less have not jumped, in milliseconds. */
const SLACK = 250;

type Moments = {
  /** Milliseconds of the monotonic clock. */
  now: number;
  /** Milliseconds since 1970 by the machine's clock. */
  wall: number;
};

export class SessionTimes {
  readonly #clockOffset: number;
  readonly #known = new Map<PublicKey, { stamp: number; at: number }>();
  #looked: number | undefined;

  constructor({ now, wall }: Moments) {
    this.#clockOffset = wall - now;
  }

  /** Milliseconds since 1970 as the machine's clock had it at the start, and as they have gone by since. */
  wall(now: number): number {
    return now + this.#clockOffset;
  }

  /** The state with its handshakes told by `wall`. What is new happened since the last look. */
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
    const isPlain = Math.abs(wall - steady) < SLACK && Math.abs(wall - stamp - age) < SLACK;
    return isPlain ? stamp : steady - age;
  }
}
