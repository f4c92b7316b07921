/** Public keys by OpenSSL: its first call is a hundred times faster than JavaScript's. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { keyBytes, type PrivateKey, type PublicKey } from '../values/key.ts';

/** DER prefix of an X25519 private key. Source: RFC 8410, section 7. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const KEY_BYTES = 32;

/** OpenSSL's form of an X25519 private key of 32 bytes. */
export const privateKeyObject = (privateKey: Uint8Array): KeyObject => {
  const der = Buffer.concat([PKCS8_PREFIX, privateKey]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
};

/** The X25519 public key (RFC 7748) of 32 bytes. */
export const publicKeyOfBytes = (privateKey: Uint8Array): PublicKey => {
  const publicDer = createPublicKey(privateKeyObject(privateKey)).export({ format: 'der', type: 'spki' });
  return publicDer.subarray(-KEY_BYTES).toString('base64') as PublicKey;
};

/** The public key that belongs to a private one. */
export const publicKeyOf = (privateKey: PrivateKey): PublicKey =>
  publicKeyOfBytes(keyBytes(privateKey.reveal()));
