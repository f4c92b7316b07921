/** The key pair by which a standby asks whether the server still stands: a file beside the log, made once. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceNow } from '../../machine/durable.ts';
import { Failure } from '../../values/failure.ts';
import { PrivateKey } from '../../values/key.ts';
import { type KeyPair, keyPairFrom, publicKeyOf } from '../../values/key-pair.ts';

const pairOf = (privateKey: PrivateKey): KeyPair => ({ privateKey, publicKey: publicKeyOf(privateKey) });

/** Undefined: there is none yet. Throws a `Failure` that does not repeat the text, or the system's error. */
export const readQuestionKey = (file: string): KeyPair | undefined => {
  try {
    return pairOf(PrivateKey.parse(readFileSync(file, 'utf8').trim()));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof TypeError)) throw error;
    throw new Failure(`${file} holds no key`, {
      hint: `take it away: mv ${file} ${file}.damaged; a new one is made with the next kit, and earlier kits are of no use then`,
      cause: error,
    });
  }
};

/** The pair of the file, which is made where it is missing. */
export const questionKey = (file: string): KeyPair => {
  const known = readQuestionKey(file);
  if (known) return known;
  const pair = keyPairFrom(randomBytes(32));
  replaceNow(file, `${pair.privateKey.reveal()}\n`);
  return pair;
};
