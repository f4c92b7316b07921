/** The nonces that keys used lately, so that each call is heard once. */
import { NONCE_KEPT_MS } from '../../protocol/proof.ts';
import type { PublicKey } from '../../values/key.ts';

/** Per key and period: more than its calls can be. */
const MAX_NONCES = 4_000;

type Used = Map<PublicKey, Set<string>>;

export class Nonces {
  /** `#old` is the previous period. */
  #young: Used = new Map();
  #old: Used = new Map();
  #since = 0;

  /** `now`: monotonic milliseconds. `full`: too many nonces. */
  use(key: PublicKey, nonce: string, now: number): 'new' | 'used' | 'full' {
    this.#turn(now);
    const young = this.#young.get(key) ?? new Set();
    if (young.has(nonce) || this.#old.get(key)?.has(nonce)) return 'used';
    if (young.size >= MAX_NONCES) return 'full';
    this.#young.set(key, young.add(nonce));
    return 'new';
  }

  #turn(now: number): void {
    const periods = Math.floor((now - this.#since) / NONCE_KEPT_MS);
    if (periods < 1) return;
    this.#old = periods === 1 ? this.#young : new Map();
    this.#young = new Map();
    this.#since += periods * NONCE_KEPT_MS;
  }
}
