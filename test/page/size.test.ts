// The built page: what it weighs, and that nothing in it parses or leads elsewhere.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

const MAX_BYTES = 60 * 1024;

const FILES = ['page.html', 'page.js', 'page-style.css'].map((name) => readFileSync(`dist/${name}`));

it('weighs at most 60 KiB, compressed', () => {
  const bytes = FILES.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  expect(bytes).toBeGreaterThan(20_000);
  expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
});

it('names no other place, and calls no schema', () => {
  const text = FILES.map(String).join('\n');
  const places = [...text.matchAll(/\bhttps?:\/\/[\w.-]+/g)].map(([place]) => place);
  // A name space of XML is no place.
  expect(places.filter((place) => place !== 'http://www.w3.org')).toEqual([]);
  expect(text).not.toMatch(/\bZodError\b|\$ZodType/);
});
