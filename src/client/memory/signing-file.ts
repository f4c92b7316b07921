/** `NET.signing`: the machine's key for signatures, apart from the conf, which innernet 2.0 rewrites without what it does not know. */
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { replaceFile } from '../../machine/durable-file.ts';
import { SigningSecret } from '../../machine/signing.ts';
import { Failure } from '../../values/failure.ts';
import { SPELLING } from '../../values/key.ts';

/** Any right of the group or of others. */
const OTHERS = 0o077;

/** The key in the file, or a new one, which is on the disk before it is given. Throws a `Failure`: readable by others, or no key. */
export const signingSecretIn = async (path: string): Promise<SigningSecret> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Failure(`${path} cannot be read: ${error.message}`);
  });
  if (text === undefined) return makeIn(path);
  const { mode } = await stat(path);
  if ((mode & OTHERS) !== 0)
    throw new Failure(`${path} can be read by others: it is this machine's key for signatures`, {
      hint: `chmod 600 ${path}; if somebody may have read it, leave the network and join anew`,
    });
  const seed = text.endsWith('\n') ? text.slice(0, -1) : text;
  if (!SPELLING.test(seed))
    throw new Failure(`${path} does not hold a key for signatures`, {
      hint: `before a machine has joined it is made anew: rm ${path}`,
    });
  return new SigningSecret(Buffer.from(seed, 'base64'));
};

const makeIn = async (path: string): Promise<SigningSecret> => {
  const secret = new SigningSecret(randomBytes(32));
  await replaceFile(path, `${secret.reveal()}\n`);
  return secret;
};
