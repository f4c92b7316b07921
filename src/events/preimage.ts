/** The bytes that are hashed or signed: parts one after the other, texts with their length in front. */

import { joinedBytes } from '../values/bytes.ts';

/** A byte, an integer of 32 or 64 bits (big-endian), bytes as they are, or a text: u32 length and its UTF-8 bytes. */
export type Part = { u8: number } | { u32: number } | { u64: number } | Uint8Array | string;

const utf8 = new TextEncoder();

const integer = (size: number, value: number): Uint8Array => {
  const bytes = new Uint8Array(size);
  let rest = value;
  for (let at = size - 1; at >= 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
};

const bytesOf = (part: Part): Uint8Array[] => {
  if (part instanceof Uint8Array) return [part];
  if (typeof part === 'string') {
    const text = utf8.encode(part);
    return [integer(4, text.length), text];
  }
  if ('u8' in part) return [integer(1, part.u8)];
  return ['u32' in part ? integer(4, part.u32) : integer(8, part.u64)];
};

export const preimage = (...parts: readonly Part[]): Uint8Array => joinedBytes(parts.flatMap(bytesOf));
