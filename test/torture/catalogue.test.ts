// The catalogue of faults is whole, its tests exist, its sabotages would hit, and the page about it says the same.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FAULTS, OTHERS } from './catalogue.ts';

const page = readFileSync('docs/reliability.md', 'utf8');

it('goes from R1 upwards, each number once', () => {
  const numbers = FAULTS.map(({ id }) => Number(id.slice(1)));
  expect(numbers.slice(0, 25)).toEqual(Array.from({ length: 25 }, (_, n) => n + 1));
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
});

describe.each([...FAULTS, ...OTHERS])('$id', ({ id, tests, sabotages }) => {
  it('has its tests', () => {
    for (const { file, titles } of tests) {
      expect(existsSync(file), file).toBe(true);
      if (titles) expect(readFileSync(file, 'utf8'), `${file}: ${titles}`).toContain(titles);
    }
  });

  it('has sabotages that meet their lines once', () => {
    for (const { file, line } of sabotages)
      expect(readFileSync(file, 'utf8').split(line).length, line).toBe(2);
  });

  it('is in the table of docs/reliability.md, with its files', () => {
    const row = page.split('\n').find((line) => line.startsWith(`| ${id} |`)) ?? '';
    for (const { file } of tests) expect(row).toContain(file.replace(/^test\//, ''));
  });
});
