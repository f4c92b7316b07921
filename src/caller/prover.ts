/** This machine's half of proofs by key: proving calls, checking answers, knowing the server's time. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceUnsynced } from '../machine/durable.ts';
import {
  type Answer,
  type Call,
  checkAnswer,
  isStreamProof,
  type PairKeys,
  pairKeys,
  proveCall,
  proveStream,
} from '../protocol/proof.ts';
import { type Moment, SIXTEEN_BYTES, type Stamp, spell } from '../protocol/proof-header.ts';
import type { PrivateKey, PublicKey } from '../values/key.ts';
import { HASHES, pairSecret } from '../wireguard/pair-secret.ts';
import { publicKeyOf } from '../wireguard/public-key.ts';

/** `stamp`: by the server's clock. */
export type Sent = { header: string; tag: Uint8Array; stamp: Stamp };

/** Drift before the server's time is noted again. */
const MAX_DRIFT_MS = 5_000;

/** Milliseconds since the machine started; cannot be set. */
const uptime = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/** `offset`: the server's clock minus the local `uptime`. */
type Noted = { boot: string; offset: number };

const read = (path: string): Noted | undefined => {
  try {
    const { boot, offset } = JSON.parse(readFileSync(path, 'utf8'));
    return SIXTEEN_BYTES.test(boot) && Number.isSafeInteger(offset) ? { boot, offset } : undefined;
  } catch {
    return undefined;
  }
};

/** Saves the next program a round trip; a failure loses nothing else. */
const write = (path: string, noted: Noted): void => {
  try {
    replaceUnsynced(path, JSON.stringify(noted));
  } catch {}
};

export class Prover {
  readonly #own: PrivateKey;
  readonly #server: PublicKey;
  readonly #notes: string | undefined;
  #keys: PairKeys | undefined;
  #noted: Noted | undefined;

  /** `notes`: a file in memory that shares the server's time between programs. */
  constructor(own: PrivateKey, server: PublicKey, notes?: string) {
    this.#own = own;
    this.#server = server;
    this.#notes = notes;
    this.#noted = notes === undefined ? undefined : read(notes);
  }

  /** `joining`: the new key of a redeem, which proves itself too. */
  prove(call: Call, joining?: PrivateKey): Sent {
    const stamp = this.#stamp();
    const keys = this.#pair();
    const possession = joining && this.#pairOf(joining);
    return { stamp, ...proveCall(possession ? { ...keys, possession } : keys, call, stamp, HASHES) };
  }

  /** The moment in a proved answer; undefined for an unproved one. */
  check({ tag }: Sent, answer: Answer): Moment | undefined {
    const moment = checkAnswer(this.#pair(), tag, answer, HASHES);
    if (moment) this.#learn(moment);
    return moment;
  }

  /** By the challenge's text and the upgrade's tag. */
  isServer(proof: { tag: string }, { tag }: Sent, challenge: string): boolean {
    return isStreamProof(proof, this.#pair().server, [tag, Buffer.from(challenge)], HASHES);
  }

  /** The content of this machine's proof frame. */
  answerTo({ tag }: Sent, challenge: string): string {
    return proveStream(this.#pair().client, tag, Buffer.from(challenge), HASHES);
  }

  hears(moment: Moment): void {
    this.#learn(moment);
  }

  #stamp(): Stamp {
    const nonce = spell(randomBytes(12));
    if (!this.#noted) return { boot: '', at: 0, nonce };
    return { boot: this.#noted.boot, at: Math.max(0, uptime() + this.#noted.offset), nonce };
  }

  #learn({ boot, now }: Moment): void {
    const offset = now - uptime();
    if (this.#noted?.boot === boot && Math.abs(this.#noted.offset - offset) < MAX_DRIFT_MS) return;
    this.#noted = { boot, offset };
    if (this.#notes !== undefined) write(this.#notes, this.#noted);
  }

  #pair(): PairKeys {
    this.#keys ??= this.#pairOf(this.#own);
    return this.#keys;
  }

  #pairOf(own: PrivateKey): PairKeys {
    const of = { client: publicKeyOf(own), server: this.#server };
    return pairKeys(pairSecret(own, this.#server), of, HASHES);
  }
}
