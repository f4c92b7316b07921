/**
 * Opens the local router to places from which a peer may come. WireGuard has one endpoint a peer, so a
 * throwaway peer with a random key and no address sends one initiation to each place. Or a packet opens the
 * local router and does not arrive.
 */
import { randomBytes } from 'node:crypto';
import type { SocketAddress } from '../../values/endpoint.ts';
import type { PublicKey } from '../../values/key.ts';
import { KEEPALIVE_SECONDS, type Step } from '../../wireguard/device.ts';
import { type Budget, MAX_WITH_OPENINGS, QUEUE_PAUSE_MS } from './budget.ts';

/** Lifetime of a throwaway peer, below WireGuard's retry. */
const STAYS_MS = 2000;

/** Whether the opening packet should arrive. */
type How = 'arriving' | 'fading';
type Queue = { how: How; places: readonly SocketAddress[] };

export class Openings {
  readonly #budget: Budget;
  readonly #fade: (place: SocketAddress) => void;
  /** Removal time (monotonic ms), the oldest first. */
  readonly #until = new Map<PublicKey, number>();
  readonly #queues = new Map<PublicKey, Queue>();

  /** `fade` sends a packet that does not arrive. */
  constructor(budget: Budget, fade: (place: SocketAddress) => void) {
    this.#budget = budget;
    this.#fade = fade;
  }

  get keys(): ReadonlySet<PublicKey> {
    return new Set(this.#until.keys());
  }

  /** Replaces the places still queued for the peer. */
  open(peer: PublicKey, places: readonly SocketAddress[], now: number, how: How = 'arriving'): Step[] {
    this.#queues.set(peer, { how, places });
    return this.#serve(peer, now);
  }

  forget(peer: PublicKey): void {
    this.#queues.delete(peer);
  }

  /** Removes finished peers and opens queued places. */
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

  due(now: number): number {
    const [oldest = Number.POSITIVE_INFINITY] = this.#until.values();
    return Math.min(oldest, this.#queues.size > 0 ? now + QUEUE_PAUSE_MS : Number.POSITIVE_INFINITY);
  }

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
    this.#until.set(publicKey, now + STAYS_MS);
    return { kind: 'set', publicKey, allowedIps: [], endpoint, keepalive: KEEPALIVE_SECONDS };
  }
}
