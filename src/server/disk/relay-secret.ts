/** The secret from which keys of mailboxes are made: a file beside the log, made where it is missing. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceNow } from '../../machine/durable.ts';

const BYTES = 32;

const read = (file: string): Buffer | undefined => {
  try {
    const secret = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
    return secret.length === BYTES ? secret : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

/** Another secret costs only new mailboxes, so a damaged file is replaced. Throws the system's error. */
export const relaySecret = (file: string): Uint8Array => {
  const known = read(file);
  if (known) return known;
  const secret = randomBytes(BYTES);
  replaceNow(file, `${secret.toString('base64')}\n`);
  return secret;
};
