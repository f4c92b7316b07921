// The client as it is published: one file of ASCII, since V8 keeps any other text in twice the memory.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('is ASCII', () => {
  const text = readFileSync('dist/innernet.js', 'utf8');
  expect(text.length).toBeGreaterThan(100_000);
  expect(text.match(/.{0,40}[^\n -~\t\r\v\f].{0,40}/g) ?? []).toEqual([]);
});
