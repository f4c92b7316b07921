/** This machine's half of proofs by key: what its calls show, whether answers are the server's, and what time it is there. */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceUnsynced } from '../../machine/durable.ts';
import {
  type Answer,
  type Call,
  checkAnswer,
  isStreamProof,
  type PairKeys,
  pairKeys,
  proveCall,
  proveStream,
} from '../../protocol/proof.ts';
import { type Moment, SIXTEEN_BYTES, type Stamp, spell } from '../../protocol/proof-header.ts';
import type { PrivateKey, PublicKey } from '../../values/key.ts';
import { HASHES, pairSecret } from '../../wireguard/pair-secret.ts';
import { publicKeyOf } from '../../wireguard/public-key.ts';

/** A call that was made: its header, its whole tag, and when it was made by the server's clock. */
export type Sent = { header: string; tag: Uint8Array; stamp: Stamp };

/** Milliseconds by which the server's clock may drift from what is noted before that is noted anew. */
const DRIFT = 5_000;

/** Milliseconds of a clock that all programs of this machine share and nobody sets; a restart of the machine begins it anew. */
const uptime = (): number => Number(process.hrtime.bigint() / 1_000_000n);

/** The server's boot, and how far its clock is ahead of this machine's `uptime`. */
type Noted = { boot: string; offset: number };

const read = (path: string): Noted | undefined => {
  try {
    const { boot, offset } = JSON.parse(readFileSync(path, 'utf8'));
    return SIXTEEN_BYTES.test(boot) && Number.isSafeInteger(offset) ? { boot, offset } : undefined;
  } catch {
    return undefined;
  }
};

/** It saves the next program a round trip, no more: where it cannot be written, nothing is lost. */
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

  /** `notes` is the file, in memory, where programs of this machine leave each other what time it is at the server. */
  constructor(own: PrivateKey, server: PublicKey, notes?: string) {
    this.#own = own;
    this.#server = server;
    this.#notes = notes;
    this.#noted = notes === undefined ? undefined : read(notes);
  }

  /** `joining` is the new key that a redeem hands in: it proves that it is this machine's too. */
  prove(call: Call, joining?: PrivateKey): Sent {
    const stamp = this.#stamp();
    const keys = this.#pair();
    const possession = joining && this.#pairOf(joining);
    return { stamp, ...proveCall(possession ? { ...keys, possession } : keys, call, stamp, HASHES) };
  }

  /** What the server's clock counts, by an answer that is the server's; undefined for any other. */
  check({ tag }: Sent, answer: Answer): Moment | undefined {
    const moment = checkAnswer(this.#pair(), tag, answer, HASHES);
    if (moment) this.#learn(moment);
    return moment;
  }

  /** Whether a frame proves the server, by the text of its challenge and the tag of the upgrade. */
  isServer(proof: { tag: string }, { tag }: Sent, challenge: string): boolean {
    return isStreamProof(proof, this.#pair().server, [tag, Buffer.from(challenge)], HASHES);
  }

  /** What this machine's own frame holds. */
  answerTo({ tag }: Sent, challenge: string): string {
    return proveStream(this.#pair().client, tag, Buffer.from(challenge), HASHES);
  }

  /** What a proved server has said of its clock. */
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
    if (this.#noted?.boot === boot && Math.abs(this.#noted.offset - offset) < DRIFT) return;
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
