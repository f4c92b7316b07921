// The list of the longest test files names each once, and none that has gone.
import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { LONGEST } from './longest-first.ts';

it('the longest test files are there, and named once', () => {
  expect(LONGEST.filter((path) => !existsSync(path))).toEqual([]);
  expect([...new Set(LONGEST)]).toEqual(LONGEST);
});
