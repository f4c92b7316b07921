/** SHA-256 by Node: what the chain is handed. */
import { createHash } from 'node:crypto';

/** SHA-256 of the concatenated parts, 32 bytes. */
export const sha256 = (...parts: Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
