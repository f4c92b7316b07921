/** SHA-256 in lower-case hexadecimal, as in the log. */
import { hash } from 'node:crypto';
import type { Hash } from '../values/id.ts';

export const sha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes) as Hash;

export const sha256Text = (text: string): Hash => hash('sha256', text) as Hash;
