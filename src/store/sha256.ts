/** SHA-256 by Node: what the pure folders are handed, and the same over text. */
import { hash } from 'node:crypto';
import type { Hash } from '../values/id.ts';

/** In hexadecimal, which Node makes more quickly than a buffer. */
export const sha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes) as Hash;

/** SHA-256 of a text's UTF-8 bytes, in hexadecimal. */
export const sha256Text = (text: string): Hash => hash('sha256', text) as Hash;
