/** What each peer may ask in a time: over it the peer alone is refused, by the monotonic clock. */

/** `count` uses at once, and one more every `everyMs` / `count`. */
export type Rate = { count: number; everyMs: number };

export const CALLS: Rate = { count: 20, everyMs: 1_000 };
/** Peers of the network for which a list of them counts as one more call. */
const PEERS_PER_CALL = 500;
/** Each is an event that the log keeps. */
export const ENDPOINT_CHANGES: Rate = { count: 10, everyMs: 86_400_000 };

/** How much more than a call a list of all peers costs: in a big network one is all that a second allows. */
export const costOfList = (peers: number): number =>
  Math.min(CALLS.count - 1, Math.floor(peers / PEERS_PER_CALL));

/** Milliseconds of work for which a question counts as one more call: a peer gets two fifths of a thread, at most. */
const WORK_PER_CALL = 20;
/** Calls that a peer can owe, a second's: what it asked for may have taken longer than anybody could know. */
const MAX_OWED = CALLS.count;

/** What a question costs besides its call, known only when it is answered. */
export const costOfWork = (milliseconds: number): number => milliseconds / WORK_PER_CALL;

type Bucket = { left: number; at: number };

/** `K` names those who have one each. */
export class Quota<K> {
  readonly #rate: Rate;
  readonly #buckets = new Map<K, Bucket>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Uses one up, or as many as it costs; false when there are not so many left. */
  take(id: K, cost = 1): boolean {
    const bucket = this.#bucket(id);
    if (bucket.left < cost) return false;
    bucket.left -= cost;
    return true;
  }

  /** Takes what something has cost; what is not there is owed. */
  owe(id: K, cost: number): void {
    const bucket = this.#bucket(id);
    bucket.left = Math.max(-MAX_OWED, bucket.left - cost);
  }

  /** Gives one back: what was asked for changed nothing. */
  giveBack(id: K): void {
    const bucket = this.#bucket(id);
    bucket.left = Math.min(this.#rate.count, bucket.left + 1);
  }

  /** Seconds, whole, until there is one again. */
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
