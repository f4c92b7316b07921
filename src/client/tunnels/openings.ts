/**
 * Opening one's own router to places from which a peer may come. WireGuard has one endpoint a peer, so a throwaway
 * peer stands for each place, with a key that nobody has and no address: it sends one initiation and is removed. Or a
 * packet goes that opens the router here and does not arrive.
 */
import { randomBytes } from 'node:crypto';
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Step } from '../../wireguard/device.ts';
import { type Budget, MAX_WITH_OPENINGS } from './budget.ts';

/** How long a throwaway peer stays, in milliseconds: gone before WireGuard would repeat its initiation. */
const STAYS = 2000;
/** A place for which there is no budget comes again after this long, in milliseconds. */
const QUEUE_PAUSE = 200;
/** Sending is what it is for; any interval does, because it does not stay for a second one. */
const KEEPALIVE = 25;

/** By what the router is opened: a packet that is to arrive, or one that fades behind it. */
type How = 'arriving' | 'fading';
type Queue = { how: How; places: readonly SocketAddress[] };

export class Openings {
  readonly #budget: Budget;
  readonly #fade: (place: SocketAddress) => void;
  /** When each throwaway peer goes, in milliseconds of the monotonic clock; the oldest first. */
  readonly #until = new Map<PublicKey, number>();
  readonly #queues = new Map<PublicKey, Queue>();

  /** `fade` sends a packet that does not arrive. */
  constructor(budget: Budget, fade: (place: SocketAddress) => void) {
    this.#budget = budget;
    this.#fade = fade;
  }

  /** The throwaway peers that are on the device now. */
  get keys(): ReadonlySet<PublicKey> {
    return new Set(this.#until.keys());
  }

  /** Opens the way for a peer, in place of what was still to be opened for it. */
  open(peer: PublicKey, places: readonly SocketAddress[], now: number, how: How = 'arriving'): Step[] {
    this.#queues.set(peer, { how, places });
    return this.#serve(peer, now);
  }

  /** Nothing more is opened for the peer. */
  forget(peer: PublicKey): void {
    this.#queues.delete(peer);
  }

  /** Removes throwaway peers that have done their work, and opens what had to wait. */
  tick(now: number): Step[] {
    const steps: Step[] = [];
    for (const [publicKey, until] of this.#until) {
      if (until > now) break;
      this.#until.delete(publicKey);
      steps.push({ kind: 'remove', publicKey });
    }
    for (const peer of [...this.#queues.keys()]) steps.push(...this.#serve(peer, now));
    return steps;
  }

  /** When `tick` has something to do. */
  due(now: number): number {
    const [oldest = Number.POSITIVE_INFINITY] = this.#until.values();
    return Math.min(oldest, this.#queues.size > 0 ? now + QUEUE_PAUSE : Number.POSITIVE_INFINITY);
  }

  /** Removes all of them. */
  close(): Step[] {
    const steps = Array.from(this.#until.keys(), (publicKey): Step => ({ kind: 'remove', publicKey }));
    this.#until.clear();
    this.#queues.clear();
    return steps;
  }

  #serve(peer: PublicKey, now: number): Step[] {
    const queue = this.#queues.get(peer);
    if (!queue) return [];
    const steps: Step[] = [];
    const places = queue.places.filter((place) => {
      if (!this.#budget.take(place, now, MAX_WITH_OPENINGS)) return true;
      if (queue.how === 'fading') this.#fade(place);
      else steps.push(this.#throwaway(place, now));
      return false;
    });
    if (places.length > 0) this.#queues.set(peer, { ...queue, places });
    else this.#queues.delete(peer);
    return steps;
  }

  #throwaway(endpoint: SocketAddress, now: number): Step {
    const publicKey = randomBytes(32).toString('base64') as PublicKey;
    this.#until.set(publicKey, now + STAYS);
    return { kind: 'set', publicKey, allowedIps: [], endpoint, keepalive: KEEPALIVE };
  }
}
