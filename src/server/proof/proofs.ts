/** The server's half of proofs by key: checks calls and proves answers. */
import {
  type Call,
  checkCall,
  isPossessed,
  isTimely,
  type PairKeys,
  type Part,
  pairKeys,
  proveAnswer,
} from '../../protocol/proof.ts';
import { type CallProof, type Moment, parseCallHeader } from '../../protocol/proof-header.ts';
import type { PrivateKey, PublicKey } from '../../values/key.ts';
import { HASHES, pairSecret } from '../../wireguard/pair-secret.ts';
import { publicKeyOf } from '../../wireguard/public-key.ts';
import type { Live } from '../live/live.ts';
import { Nonces } from './nonces.ts';
import type { ServerClock } from './server-clock.ts';

/** A call was made with a key, at any time, perhaps repeated. */
export type Evidence = {
  readonly key: PublicKey;
  readonly keys: PairKeys;
  readonly tag: Uint8Array;
  readonly call: Call;
  readonly proof: CallProof;
};

export type Answered = { status: number; parts: readonly Part[]; encoding?: string };

export const partOf = (bytes: Uint8Array): Part => ({ hash: HASHES.sha256(bytes), length: bytes.length });
/** The part of an answer that has no body. */
export const EMPTY_PART = partOf(new Uint8Array());

export class Proofs {
  readonly #privateKey: PrivateKey;
  readonly #publicKey: PublicKey;
  readonly #live: Pick<Live, 'network'>;
  readonly #clock: ServerClock;
  /** For keys of peers; making one costs as much as several calls. */
  readonly #pairs = new Map<PublicKey, PairKeys>();
  readonly #nonces = new Nonces();

  constructor(privateKey: PrivateKey, live: Pick<Live, 'network'>, clock: ServerClock) {
    this.#privateKey = privateKey;
    this.#publicKey = publicKeyOf(privateKey);
    this.#live = live;
    this.#clock = clock;
  }

  forget(key: PublicKey): void {
    this.#pairs.delete(key);
  }

  get moment(): Moment {
    return this.#clock.moment;
  }

  /** Undefined: made with none of the keys, or no valid header. */
  evidenceOf(call: Call, header: unknown, keys: readonly PublicKey[]): Evidence | undefined {
    const proof = parseCallHeader(header);
    if (!proof) return undefined;
    for (const key of keys) {
      const pair = this.#keysOf(key);
      const tag = checkCall(pair, call, proof, HASHES);
      if (tag) return { key, keys: pair, tag, call, proof };
    }
    return undefined;
  }

  isTimely({ proof }: Evidence): boolean {
    return isTimely(proof, this.moment);
  }

  /** The header of a 401 to a call of another server run or time; else undefined. */
  lateness(evidence: Evidence): string | undefined {
    const { moment } = this; // for both: the client judges by it too
    if (isTimely(evidence.proof, moment)) return undefined;
    return this.answer(evidence, { status: 401, parts: [EMPTY_PART] }, moment);
  }

  /** The second time it is `used`. `full`: the key asks too often to tell. */
  hear({ key, proof }: Evidence): 'new' | 'used' | 'full' {
    return this.#nonces.use(key, proof.nonce, this.moment.now);
  }

  /** Whether a redeem was made with the new key too. */
  isPossessed({ call, proof }: Evidence, key: PublicKey): boolean {
    return proof.possession !== undefined && isPossessed(this.#keysOf(key), call, proof, HASHES);
  }

  /** The parts follow one another on the wire. */
  answer({ keys, tag }: Evidence, { status, parts, encoding = '' }: Answered, moment = this.moment): string {
    return proveAnswer(keys, tag, { status, encoding, moment, parts }, HASHES);
  }

  #keysOf(key: PublicKey): PairKeys {
    const known = this.#pairs.get(key);
    if (known) return known;
    const of = { client: key, server: this.#publicKey };
    const keys = pairKeys(pairSecret(this.#privateKey, key), of, HASHES);
    if (this.#live.network.peerWithKey(key)) this.#pairs.set(key, keys);
    return keys;
  }
}
