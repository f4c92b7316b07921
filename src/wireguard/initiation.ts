/** A handshake of WireGuard begun by hand: one message, and whether a message is its answer. Source: the WireGuard paper, 5.4. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { blake2s } from '@noble/hashes/blake2.js';
import { hmac } from '@noble/hashes/hmac.js';
import { keyBytes, type PrivateKey, type PublicKey } from '../values/key.ts';
import type { KeyPair } from '../values/key-pair.ts';
import { pairSecret } from './pair-secret.ts';
import { publicKeyOf } from './public-key.ts';

const CONSTRUCTION = Buffer.from('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s');
const IDENTIFIER = Buffer.from('WireGuard v1 zx2c4 Jason@zx2c4.com');
const LABEL_MAC1 = Buffer.from('mac1----');
const INITIATION = { type: 1, bytes: 148 };
const RESPONSE = { type: 2, bytes: 92 };
/** The answer of a device under load. */
const COOKIE_REPLY = { type: 3, bytes: 64 };
const TAG_BYTES = 16;
const NOTHING = Buffer.alloc(0);
const NONCE_ZERO = Buffer.alloc(12);
/** TAI64 begins 2^62 before 1970, and TAI was 10 s ahead then. */
const TAI64_OF_1970 = 2n ** 62n + 10n;

const hash = (...parts: Uint8Array[]): Buffer => Buffer.from(blake2s(Buffer.concat(parts)));

/** The first outputs of HKDF with HMAC-BLAKE2s; the first is the next chaining key. */
const derive = (chaining: Uint8Array, input: Uint8Array): [Buffer, Buffer, Buffer] => {
  const extracted = hmac(blake2s, chaining, input);
  const first = hmac(blake2s, extracted, Buffer.from([1]));
  const second = hmac(blake2s, extracted, Buffer.concat([first, Buffer.from([2])]));
  const third = hmac(blake2s, extracted, Buffer.concat([second, Buffer.from([3])]));
  return [Buffer.from(first), Buffer.from(second), Buffer.from(third)];
};

const seal = (key: Buffer, plain: Uint8Array, aad: Uint8Array): Buffer => {
  const cipher = createCipheriv('chacha20-poly1305', key, NONCE_ZERO, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad, { plaintextLength: plain.length });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
};

const opensEmpty = (key: Buffer, tag: Uint8Array, aad: Uint8Array): boolean => {
  const decipher = createDecipheriv('chacha20-poly1305', key, NONCE_ZERO, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad, { plaintextLength: 0 });
  decipher.setAuthTag(tag);
  try {
    decipher.update(NOTHING);
    decipher.final();
    return true;
  } catch {
    return false;
  }
};

/** `milliseconds` since 1970. */
const tai64n = (milliseconds: number): Buffer => {
  const stamp = Buffer.alloc(12);
  stamp.writeBigUInt64BE(TAI64_OF_1970 + BigInt(Math.floor(milliseconds / 1000)), 0);
  stamp.writeUInt32BE((Math.floor(milliseconds) % 1000) * 1_000_000, 8);
  return stamp;
};

export type Asker = {
  own: PrivateKey;
  /** The key of the device that should answer. */
  other: PublicKey;
};

/** Thrown in by the caller: a fresh pair, any 32 bits, and the time, which must grow from one message to the next. */
export type Dice = { ephemeral: KeyPair; index: number; now: number };

export class Initiation {
  readonly packet: Buffer;
  readonly #asker: Asker;
  readonly #dice: Dice;
  readonly #chaining: Buffer;
  readonly #hash: Buffer;

  constructor(asker: Asker, dice: Dice) {
    const { own, other } = asker;
    const { ephemeral, index, now } = dice;
    const [others, ephemerals] = [keyBytes(other), keyBytes(ephemeral.publicKey)];
    let chaining = hash(CONSTRUCTION);
    let transcript = hash(hash(chaining, IDENTIFIER), others);
    [chaining] = derive(chaining, ephemerals);
    transcript = hash(transcript, ephemerals);
    const [afterStatic, staticKey] = derive(chaining, pairSecret(ephemeral.privateKey, other));
    const sealedStatic = seal(staticKey, keyBytes(publicKeyOf(own)), transcript);
    transcript = hash(transcript, sealedStatic);
    const [afterStamp, stampKey] = derive(afterStatic, pairSecret(own, other));
    const sealedStamp = seal(stampKey, tai64n(now), transcript);
    const head = Buffer.alloc(8);
    head.writeUInt8(INITIATION.type, 0);
    head.writeUInt32LE(index, 4);
    const body = Buffer.concat([head, ephemerals, sealedStatic, sealedStamp]);
    const mac1 = blake2s(body, { key: hash(LABEL_MAC1, others), dkLen: TAG_BYTES });
    this.packet = Buffer.concat([body, mac1, Buffer.alloc(TAG_BYTES)]);
    this.#asker = asker;
    this.#dice = dice;
    this.#chaining = afterStamp;
    this.#hash = hash(transcript, sealedStamp);
  }

  /** Whether the device with the other key has answered this message. */
  isAnsweredBy(packet: Buffer): boolean {
    const type = packet[0];
    if (type === COOKIE_REPLY.type)
      return packet.length === COOKIE_REPLY.bytes && packet.readUInt32LE(4) === this.#dice.index;
    if (type !== RESPONSE.type || packet.length !== RESPONSE.bytes) return false;
    return packet.readUInt32LE(8) === this.#dice.index && this.#opens(packet);
  }

  #opens(packet: Buffer): boolean {
    const theirs = packet.subarray(12, 44);
    const ephemeral = Buffer.from(theirs).toString('base64') as PublicKey;
    try {
      let [chaining] = derive(this.#chaining, theirs);
      [chaining] = derive(chaining, pairSecret(this.#dice.ephemeral.privateKey, ephemeral));
      [chaining] = derive(chaining, pairSecret(this.#asker.own, ephemeral));
      const [, shared, key] = derive(chaining, Buffer.alloc(32)); // no preshared key
      const transcript = hash(hash(this.#hash, theirs), shared);
      return opensEmpty(key, packet.subarray(44, 60), transcript);
    } catch {
      return false; // a key of small order
    }
  }
}
