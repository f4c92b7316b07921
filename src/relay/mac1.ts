/** Recognises for whom a handshake message is, by its `mac1`. Source: the WireGuard paper, section 5.4.4. */
import { blake2s } from '@noble/hashes/blake2.js';
import { keyBytes, type PublicKey } from '../values/key.ts';

const LABEL = new TextEncoder().encode('mac1----');
const MAC_BYTES = 16;
/** `mac1` and `mac2` end the message. */
const FROM_END = 2 * MAC_BYTES;

/** The messages for one public key. */
export class Mac1 {
  readonly #key: Uint8Array;

  constructor(publicKey: PublicKey) {
    this.#key = blake2s(Uint8Array.from([...LABEL, ...keyBytes(publicKey)]));
  }

  /** Of an initiation or a response: whether it is for this key. One hash. */
  isOf(packet: Uint8Array): boolean {
    const at = packet.length - FROM_END;
    const mac = blake2s(packet.subarray(0, at), { key: this.#key, dkLen: MAC_BYTES });
    return mac.every((byte, index) => packet[at + index] === byte);
  }
}
