/** Making keys: the public key of a private one, and pairs; apart from key.ts because curves take time to load. */
import { x25519 } from '@noble/curves/ed25519.js';
import { keyBytes, keyText, PrivateKey, PublicKey } from './key.ts';

export type KeyPair = { privateKey: PrivateKey; publicKey: PublicKey };

/** The X25519 public key that belongs to a private one (RFC 7748). */
export const publicKeyOf = (key: PrivateKey): PublicKey =>
  PublicKey.parse(keyText(x25519.getPublicKey(keyBytes(key.reveal()))));

/** A pair made of 32 random bytes. */
export const keyPairFrom = (random: Uint8Array): KeyPair => {
  const privateKey = PrivateKey.fromRandom(random);
  return { privateKey, publicKey: publicKeyOf(privateKey) };
};
