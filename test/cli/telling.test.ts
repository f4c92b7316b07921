// Moments as people read them: a kept text never stands for another second.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Clock } from '../../src/cli/telling.ts';

beforeEach(() => void vi.stubEnv('TZ', 'Europe/Berlin'));
afterEach(() => void vi.unstubAllEnvs());

const MOMENTS = [
  ['2026-03-29T00:59:59.998Z', '2026-03-29 01:59:59'],
  ['2026-03-29T00:59:59.999Z', '2026-03-29 01:59:59'],
  ['2026-03-29T01:00:00.000Z', '2026-03-29 03:00:00'],
  ['2026-03-29T00:59:59.000Z', '2026-03-29 01:59:59'],
  ['2025-03-29T00:59:59.000Z', '2025-03-29 01:59:59'],
] as const;

it('tells each moment in the zone of who reads, or in UTC', () => {
  const [local, utc] = [new Clock({}), new Clock({ utc: true })];
  for (const [time, text] of MOMENTS) {
    expect(local.second(time)).toBe(text);
    expect(utc.second(time)).toBe(`${time.slice(0, 19).replace('T', ' ')}Z`);
  }
});

it('tells the moments within a sentence to the minute', () => {
  const sentence = 'it expires at 2026-03-29T00:59:59.998Z, not at 2026-03-29T01:00:00.000Z';
  expect(new Clock({}).sentence(sentence)).toBe('it expires at 2026-03-29 01:59, not at 2026-03-29 03:00');
});
