/** The shared secret of two WireGuard keys by OpenSSL, and hashes for proofs. */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
import { keyBytes, type PrivateKey, type PublicKey } from '../values/key.ts';

/** DER prefixes of X25519 keys. Source: RFC 8410, sections 4 and 7. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/** Importing a private key takes OpenSSL as long as the rest; a server has one for all peers. */
const taken = new WeakMap<PrivateKey, KeyObject>();

const privateKeyObject = (key: PrivateKey): KeyObject => {
  const known = taken.get(key);
  if (known) return known;
  const der = Buffer.concat([PKCS8_PREFIX, keyBytes(key.reveal())]);
  const made = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  taken.set(key, made);
  return made;
};

/** The X25519 secret, 32 bytes. Throws if it is zero. */
export const pairSecret = (own: PrivateKey, other: PublicKey): Uint8Array => {
  const publicDer = Buffer.concat([SPKI_PREFIX, keyBytes(other)]);
  const publicKey = createPublicKey({ key: publicDer, format: 'der', type: 'spki' });
  return diffieHellman({ privateKey: privateKeyObject(own), publicKey });
};

export const HASHES = {
  sha256: (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer'),
  hmac: (key: Uint8Array, bytes: Uint8Array): Uint8Array => createHmac('sha256', key).update(bytes).digest(),
  equal: (left: Uint8Array, right: Uint8Array): boolean => timingSafeEqual(left, right),
};
