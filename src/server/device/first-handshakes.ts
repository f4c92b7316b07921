/** A server that starts begins the handshakes itself, where peers were heard last: they would wait for 15 s of silence. */
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PeerId } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import { type DeviceState, isLive, type PeerState, type Step } from '../../wireguard/device.ts';

/** Turned on it makes WireGuard send at once, and again as long as it is on; in seconds. */
const KEEPALIVE_UNTIL_MET = 1;
/** 2,000 a second. */
export const BATCH = 100;
export const BATCH_EVERY_MS = 50;
/** As long as WireGuard itself tries; by then the peer is off, or elsewhere and will come by itself. */
const TRIED_FOR_MS = 90_000;
/** While most answers come. */
const QUICK_MS = 5_000;

/** A peer as the log and the last observation know it. */
export type Remembered = { id: PeerId; publicKey: PublicKey; endpoint: SocketAddress | null };

type Waiting = {
  id: PeerId;
  publicKey: PublicKey;
  /** Of a session that has ended. */
  handshake: number | undefined;
};

/** `at`: by the monotonic clock. */
type Tried = Waiting & { at: number };

export class FirstHandshakes {
  readonly #waiting: Waiting[];
  readonly #tried = new Map<PublicKey, Tried>();
  #lastAt = Number.NEGATIVE_INFINITY;

  /** Those without a session, of whom an endpoint is known. `now`: milliseconds since 1970. */
  constructor(peers: Iterable<Remembered>, has: DeviceState, now: number) {
    this.#waiting = [...peers].flatMap(({ id, publicKey, endpoint }) => {
      const state = has.peers.get(publicKey);
      const isKnown = endpoint !== null || state?.endpoint !== undefined;
      if (!isKnown || (state && isLive(state, now))) return [];
      return [{ id, publicKey, handshake: state?.latestHandshake }];
    });
  }

  get isBegun(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether answers are expected just now. `now`: as in `next`. */
  isQuick(now: number): boolean {
    return this.#tried.size > 0 && now - this.#lastAt < QUICK_MS;
  }

  /** The next handful; `now` by the monotonic clock, in milliseconds. Who has left meanwhile is not brought back. */
  next(now: number, isThere: (id: PeerId, publicKey: PublicKey) => boolean): Step[] {
    this.#lastAt = now;
    const batch = this.#waiting.splice(0, BATCH).filter(({ id, publicKey }) => isThere(id, publicKey));
    for (const waiting of batch) this.#tried.set(waiting.publicKey, { ...waiting, at: now });
    return batch.map(({ publicKey }) => keepalive(publicKey, KEEPALIVE_UNTIL_MET));
  }

  /** Who has answered; what ends with that, or with the time. */
  hear(has: DeviceState, now: number): { met: PeerId[]; steps: Step[] } {
    const [met, steps]: [PeerId[], Step[]] = [[], []];
    for (const [publicKey, { id, at, handshake }] of this.#tried) {
      const state = has.peers.get(publicKey);
      const isMet = state?.latestHandshake !== undefined && state.latestHandshake !== handshake;
      if (!isMet && now - at < TRIED_FOR_MS) continue;
      this.#tried.delete(publicKey);
      if (isMet) met.push(id);
      if (state) steps.push(keepalive(publicKey, 0));
    }
    return { met, steps };
  }

  /** What the device should have; undefined: as it is. */
  keepaliveOf(publicKey: PublicKey, has: PeerState | undefined): number | undefined {
    if (this.#tried.has(publicKey)) return KEEPALIVE_UNTIL_MET;
    // A server before this one was killed while it tried.
    return has?.keepalive === KEEPALIVE_UNTIL_MET ? 0 : undefined;
  }
}

const keepalive = (publicKey: PublicKey, seconds: number): Step => ({
  kind: 'set',
  publicKey,
  keepalive: seconds,
});
