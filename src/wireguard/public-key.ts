/** Public keys by OpenSSL: its first call is a hundred times faster than JavaScript's. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { keyBytes, type PrivateKey, type PublicKey } from '../values/key.ts';

/** DER prefix of an X25519 private key. Source: RFC 8410, section 7. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const KEY_BYTES = 32;

/** The X25519 public key (RFC 7748) of 32 bytes. */
export const publicKeyOfBytes = (privateKey: Uint8Array): PublicKey => {
  const der = Buffer.concat([PKCS8_PREFIX, privateKey]);
  const publicDer = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({
    format: 'der',
    type: 'spki',
  });
  return publicDer.subarray(-KEY_BYTES).toString('base64') as PublicKey;
};

export const publicKeyOf = (privateKey: PrivateKey): PublicKey =>
  publicKeyOfBytes(keyBytes(privateKey.reveal()));
