/** SHA-256 as the log's hashes are written: lower-case hexadecimal. */
import { hash } from 'node:crypto';
import type { Hash } from '../values/id.ts';

export const sha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes) as Hash;

/** Of text as UTF-8. */
export const sha256Text = (text: string): Hash => hash('sha256', text) as Hash;
