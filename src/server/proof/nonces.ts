/** The nonces that keys have used lately: a call that was heard once is not heard again. */
import { NONCE_KEPT } from '../../protocol/proof.ts';
import type { PublicKey } from '../../values/key.ts';

/** Of one key in the time that a nonce is kept: more than its calls can be. */
const MAX_NONCES = 4_000;

type Used = Map<PublicKey, Set<string>>;

export class Nonces {
  /** Since `#since`, and in the time before that, which was as long as a nonce is kept. */
  #young: Used = new Map();
  #old: Used = new Map();
  #since = 0;

  /** `now` are milliseconds, never fewer than before. `full`: the key asks so often that no more are remembered. */
  use(key: PublicKey, nonce: string, now: number): 'new' | 'used' | 'full' {
    this.#turn(now);
    const young = this.#young.get(key) ?? new Set();
    if (young.has(nonce) || this.#old.get(key)?.has(nonce)) return 'used';
    if (young.size >= MAX_NONCES) return 'full';
    this.#young.set(key, young.add(nonce));
    return 'new';
  }

  #turn(now: number): void {
    const periods = Math.floor((now - this.#since) / NONCE_KEPT);
    if (periods < 1) return;
    this.#old = periods === 1 ? this.#young : new Map();
    this.#young = new Map();
    this.#since += periods * NONCE_KEPT;
  }
}
