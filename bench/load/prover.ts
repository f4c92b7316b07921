/** The proofs of one of the load's clients: what our client does about them, and no more. */
import { randomBytes } from 'node:crypto';
import { type Call, type PairKeys, pairKeys, proveCall, proveStream } from '../../src/protocol/proof.ts';
import { PROOF_HEADER, spell } from '../../src/protocol/proof-header.ts';
import type { Ip } from '../../src/values/ip.ts';
import type { PublicKey } from '../../src/values/key.ts';
import { HASHES, pairSecret } from '../../src/wireguard/pair-secret.ts';
import { loadKey, loadPrivateKey } from './keys.ts';

/** For comparison: clients as they were before there were proofs. */
export const PROVES = process.env.LOAD_UNPROVED === undefined;

const NO_BODY = new Uint8Array();

export class Prover {
  readonly #keys: PairKeys;
  #boot = '';
  /** How far the server's clock is ahead of ours, in milliseconds. */
  #lead = 0;
  #tag: Uint8Array = NO_BODY;

  constructor(address: Ip, serverKey: PublicKey) {
    const secret = pairSecret(loadPrivateKey(address), serverKey);
    this.#keys = pairKeys(secret, { client: loadKey(address), server: serverKey }, HASHES);
  }

  /** The header of a call without a body, or of an upgrade, whose challenge is to be answered. */
  header(purpose: Call['purpose'], target: string): Record<string, string> {
    const at = this.#boot ? Math.max(0, Math.floor(performance.now() + this.#lead)) : 0;
    const stamp = { boot: this.#boot, at, nonce: spell(randomBytes(12)) };
    const call: Call = { purpose, method: 'GET', target, body: NO_BODY };
    const { header, tag } = proveCall(this.#keys, call, stamp, HASHES);
    if (purpose === 'stream') this.#tag = tag;
    return { [PROOF_HEADER]: header };
  }

  /** The client's proof for a challenge, whose clock is kept. */
  answer(challenge: Buffer): object {
    const { boot, now } = JSON.parse(challenge.toString());
    this.#boot = boot;
    this.#lead = now - performance.now();
    return { kind: 'proof', tag: proveStream(this.#keys.client, this.#tag, challenge, HASHES) };
  }
}
