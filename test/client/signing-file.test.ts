// The machine's key for signatures is made once, stays, and is nobody else's to read.
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { signingSecretIn } from '../../src/client/memory/signing-file.ts';
import { tempFolder } from '../store/temp-log.ts';

const path = (): string => join(tempFolder(), 'acme.signing');

it('is made once, and read again as the same', async () => {
  const file = path();
  const made = await signingSecretIn(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toBe(`${made.reveal()}\n`);
  expect((await signingSecretIn(file)).publicKey).toBe(made.publicKey);
});

it('is refused where others can read it, and what to do is said', async () => {
  const file = path();
  await signingSecretIn(file);
  chmodSync(file, 0o640);
  await expect(signingSecretIn(file)).rejects.toMatchObject({
    message: `${file} can be read by others: it is this machine's key for signatures`,
    hint: expect.stringContaining(`chmod 600 ${file}`),
  });
});

it('is refused where the file holds no key', async () => {
  const file = path();
  writeFileSync(file, 'nonsense\n', { mode: 0o600 });
  await expect(signingSecretIn(file)).rejects.toThrow(`${file} does not hold a key for signatures`);
});
