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
  // RFC 8037; OpenSSL takes six times as long to import DER.
  const jwk = { kty: 'OKP', crv: 'X25519', x: Buffer.from(other, 'base64').toString('base64url') };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  return diffieHellman({ privateKey: takenKey(own), publicKey });
};

export const HASHES = {
  sha256: (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer'),
  hmac: (key: Uint8Array, bytes: Uint8Array): Uint8Array => createHmac('sha256', key).update(bytes).digest(),
  equal: (left: Uint8Array, right: Uint8Array): boolean => timingSafeEqual(left, right),
};
