/** The server's half of proofs by key: what a call proves, how its answer is proved, and whether it was heard before. */
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

/** That a call was made with a key: whenever that was, and however often it is heard. */
export type Evidence = {
  readonly key: PublicKey;
  readonly keys: PairKeys;
  /** The whole tag. */
  readonly tag: Uint8Array;
  readonly call: Call;
  readonly proof: CallProof;
};

export type Answered = { status: number; parts: readonly Part[]; encoding?: string };

/** Bytes as one part of an answer. */
export const partOf = (bytes: Uint8Array): Part => ({ hash: HASHES.sha256(bytes), length: bytes.length });
/** All of an answer without a body. */
export const EMPTY_PART = partOf(new Uint8Array());

export class Proofs {
  readonly #privateKey: PrivateKey;
  readonly #publicKey: PublicKey;
  readonly #live: Pick<Live, 'network'>;
  readonly #clock: ServerClock;
  /** Of keys that peers have; each takes as long to make as all the rest of some calls. */
  readonly #pairs = new Map<PublicKey, PairKeys>();
  readonly #nonces = new Nonces();

  constructor(privateKey: PrivateKey, live: Pick<Live, 'network'>, clock: ServerClock) {
    this.#privateKey = privateKey;
    this.#publicKey = publicKeyOf(privateKey);
    this.#live = live;
    this.#clock = clock;
  }

  /** The key's right has ended. */
  forget(key: PublicKey): void {
    this.#pairs.delete(key);
  }

  get moment(): Moment {
    return this.#clock.moment;
  }

  /** Which of the keys a call was made with; undefined: with none of them, or the header is none. */
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

  /** The header of a 401 to a call that was made in another run of the server, or not about now; else undefined. */
  lateness(evidence: Evidence): string | undefined {
    const { moment } = this; // for both: the client judges by it too
    if (isTimely(evidence.proof, moment)) return undefined;
    return this.answer(evidence, { status: 401, parts: [EMPTY_PART] }, moment);
  }

  /** Whether a call is heard for the first time; asked twice, it is not. `full`: the key asks too often to tell. */
  hear({ key, proof }: Evidence): 'new' | 'used' | 'full' {
    return this.#nonces.use(key, proof.nonce, this.moment.now);
  }

  /** Whether a redeem was made with the new key too. */
  isPossessed({ call, proof }: Evidence, key: PublicKey): boolean {
    return proof.possession !== undefined && isPossessed(this.#keysOf(key), call, proof, HASHES);
  }

  /** The header of an answer whose parts follow one another on the wire. */
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
