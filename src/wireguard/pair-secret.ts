/** The shared secret of two WireGuard keys by OpenSSL, and hashes for proofs. */
import {
  createHmac,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { keyBytes, type PrivateKey, type PublicKey } from '../values/key.ts';
import { privateKeyObject } from './public-key.ts';

/** DER prefix of an X25519 public key. Source: RFC 8410, section 4. */
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** Importing a private key takes OpenSSL as long as the rest; a server has one for all peers. */
const taken = new WeakMap<PrivateKey, KeyObject>();

const takenKey = (key: PrivateKey): KeyObject => {
  const known = taken.get(key);
  if (known) return known;
  const made = privateKeyObject(keyBytes(key.reveal()));
  taken.set(key, made);
  return made;
};

/** The X25519 secret, 32 bytes. Throws if it is zero. */
export const pairSecret = (own: PrivateKey, other: PublicKey): Uint8Array => {
  const publicDer = Buffer.concat([SPKI_PREFIX, keyBytes(other)]);
  const publicKey = createPublicKey({ key: publicDer, format: 'der', type: 'spki' });
  return diffieHellman({ privateKey: takenKey(own), publicKey });
};

export const HASHES = {
  sha256: (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer'),
  hmac: (key: Uint8Array, bytes: Uint8Array): Uint8Array => createHmac('sha256', key).update(bytes).digest(),
  equal: (left: Uint8Array, right: Uint8Array): boolean => timingSafeEqual(left, right),
};
