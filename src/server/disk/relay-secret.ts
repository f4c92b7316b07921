/** The secret from which keys of mailboxes are made: a file beside the log, made where it is missing. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceNow } from '../../machine/durable.ts';

const BYTES = 32;

const secretIn = (text: string): Buffer | undefined => {
  const secret = Buffer.from(text.trim(), 'base64');
  return secret.length === BYTES ? secret : undefined;
};

/** Whether a file's text is such a secret. */
export const isRelaySecret = (text: string): boolean => secretIn(text) !== undefined;

const read = (file: string): Buffer | undefined => {
  try {
    return secretIn(readFileSync(file, 'utf8'));
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
