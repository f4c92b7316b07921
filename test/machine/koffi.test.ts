// The native library is found without a search, and by koffi's own search where it is not where it should be.
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { openKoffi } from '../../src/machine/koffi.ts';

const numberOf = (device: string, arch?: string): unknown =>
  openKoffi(arch).load(null).func('uint32_t if_nametoindex(const char *name)')(device);

it('is loaded by its file, without the search, and is searched for where that is not', () => {
  const { cache } = createRequire(import.meta.url);
  const scripts = (): string[] => Object.keys(cache).filter((path) => /koffi.*js$/.test(path));
  for (const path of scripts()) delete cache[path]; // other tests in this process may have searched
  expect(numberOf('lo')).toBe(1);
  expect(scripts()).toEqual([]);
  expect(numberOf('lo', 'nowhere')).toBe(1);
  expect(scripts()).not.toEqual([]);
});
