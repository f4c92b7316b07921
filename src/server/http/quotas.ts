/** Quotas of each peer, by the monotonic clock. */

/** `count` uses at once, and one more every `everyMs` / `count`. */
export type Rate = { count: number; everyMs: number };

export const CALLS: Rate = { count: 20, everyMs: 1_000 };
const PEERS_PER_CALL = 500;
/** Each is an event in the log. */
export const ENDPOINT_CHANGES: Rate = { count: 10, everyMs: 86_400_000 };

/** Extra cost in calls; in a big network one list uses a second's quota. */
export const costOfList = (peers: number): number =>
  Math.min(CALLS.count - 1, Math.floor(peers / PEERS_PER_CALL));

/** Work that costs an extra call: at most two fifths of a thread per peer. */
const WORK_PER_CALL_MS = 20;
/** A question's cost is unknown before its answer. */
const MAX_OWED = CALLS.count;

/** What a question costs besides its call, known only when it is answered. */
export const costOfWork = (milliseconds: number): number => milliseconds / WORK_PER_CALL_MS;

type Bucket = { left: number; at: number };

/** `K` names the callers who have a quota each. */
export class Quota<K> {
  readonly #rate: Rate;
  readonly #buckets = new Map<K, Bucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** False: not enough left. */
  take(id: K, cost = 1): boolean {
    const bucket = this.#bucket(id);
    if (bucket.left < cost) return false;
    bucket.left -= cost;
    return true;
  }

  /** May go below zero. */
  owe(id: K, cost: number): void {
    const bucket = this.#bucket(id);
    bucket.left = Math.max(-MAX_OWED, bucket.left - cost);
  }

  giveBack(id: K): void {
    const bucket = this.#bucket(id);
    bucket.left = Math.min(this.#rate.count, bucket.left + 1);
  }

  /** Whole seconds until one is available. */
  wait(id: K): number {
    const { count, everyMs } = this.#rate;
    return Math.max(1, Math.ceil(((1 - this.#bucket(id).left) * everyMs) / count / 1000));
  }

  #bucket(id: K): Bucket {
    const { count, everyMs } = this.#rate;
    const now = performance.now();
    let bucket = this.#buckets.get(id);
    if (!bucket) {
      bucket = { left: count, at: now };
      this.#buckets.set(id, bucket);
    }
    bucket.left = Math.min(count, bucket.left + ((now - bucket.at) * count) / everyMs);
    bucket.at = now;
    return bucket;
  }
}
