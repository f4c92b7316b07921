// A yardstick shows what the machine and the libraries can do: nothing of ours may be on its path.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const folder = new URL('../bench/bare/', import.meta.url);

it.each(readdirSync(folder))('%s imports nothing of ours', (name) => {
  const text = readFileSync(new URL(name, folder), 'utf8');
  expect(text.match(/from '\.[^']*'/g)).toBeNull();
});
