/** SHA-256 by Node: what the chain is handed. */
import { hash } from 'node:crypto';
import type { Hash } from '../../values/id.ts';

/** In hexadecimal. */
export const sha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes) as Hash;
