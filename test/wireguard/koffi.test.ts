// The native library is found without a search, and by koffi's own search where it is not where it should be.
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { openKoffi } from '../../src/wireguard/koffi.ts';

const numberOf = (device: string, arch?: string): unknown =>
  openKoffi(arch).load(null).func('uint32_t if_nametoindex(const char *name)')(device);

it('is loaded by its file, without the search', () => {
  expect(numberOf('lo')).toBe(1);
  const { cache } = createRequire(import.meta.url);
  const loaded = Object.keys(cache).filter((path) => path.includes('koffi'));
  expect(loaded).toEqual([expect.stringMatching(/@koromix\/koffi-linux-\w+\/linux_\w+\/koffi\.node$/)]);
});

it('is searched for where the file is not', () => {
  expect(numberOf('lo', 'nowhere')).toBe(1);
});
