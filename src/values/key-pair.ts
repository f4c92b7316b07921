/** Makes keys; apart from key.ts because curves load slowly. */
import { x25519 } from '@noble/curves/ed25519.js';
import { keyBytes, keyText, PrivateKey, PublicKey } from './key.ts';

export type KeyPair = { privateKey: PrivateKey; publicKey: PublicKey };

/** The X25519 public key of a private one (RFC 7748). */
export const publicKeyOf = (key: PrivateKey): PublicKey =>
  PublicKey.parse(keyText(x25519.getPublicKey(keyBytes(key.reveal()))));

/** A pair from 32 random bytes. */
export const keyPairFrom = (random: Uint8Array): KeyPair => {
  const privateKey = PrivateKey.fromRandom(random);
  return { privateKey, publicKey: publicKeyOf(privateKey) };
};
