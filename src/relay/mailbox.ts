/** The key of a peer's mailbox at a relay: any 32 bytes do as a public key of WireGuard's. */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { PeerId } from '../values/id.ts';
import { keyText, type PublicKey } from '../values/key.ts';

/** `secret`: 32 random bytes that only the server knows. The key is secret to relay, peer and server. */
export const mailboxOf = (secret: Uint8Array, relay: PeerId, peer: PeerId): PublicKey =>
  keyText(hmac(sha256, secret, new TextEncoder().encode(`mailbox ${relay} ${peer}`))) as PublicKey;
