/** SHA-256 by Node: what the pure folders are handed, and the same over text. */
import { hash } from 'node:crypto';
import type { Hash } from '../values/id.ts';

/** SHA-256 of the concatenated parts, 32 bytes. */
export const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const [only] = parts;
  return hash('sha256', only && parts.length === 1 ? only : Buffer.concat(parts), 'buffer');
};

/** SHA-256 of a text's UTF-8 bytes, in hexadecimal. */
export const sha256Text = (text: string): Hash => hash('sha256', text) as Hash;
