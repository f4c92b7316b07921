// Moments as people type them, and what is none.
import { expect, it } from 'vitest';
import { momentIn } from '../../src/cli/moments.ts';
import { Usage } from '../../src/cli/usage.ts';

/** A Sunday. */
const now = Date.parse('2026-11-22T13:09:00.000Z');
const at = (text: string) => momentIn('--at', text, { now, utc: true });

it.each([
  ['0', 0],
  ['42', 42],
  ['now', '2026-11-22T13:09:00.000Z'],
  ['2 days ago', '2026-11-20T13:09:00.000Z'],
  ['2 Days Ago', '2026-11-20T13:09:00.000Z'],
  ['90m', '2026-11-22T11:39:00.000Z'],
  ['1h30m', '2026-11-22T11:39:00.000Z'],
  ['1 hour 30 minutes ago', '2026-11-22T11:39:00.000Z'],
  ['1 week ago', '2026-11-15T13:09:00.000Z'],
  ['45 seconds ago', '2026-11-22T13:08:15.000Z'],
  ['today', '2026-11-22T00:00:00.000Z'],
  ['yesterday', '2026-11-21T00:00:00.000Z'],
  ['friday', '2026-11-20T00:00:00.000Z'],
  ['Fri', '2026-11-20T00:00:00.000Z'],
  ['sunday', '2026-11-15T00:00:00.000Z'],
  ['2026-11-20', '2026-11-20T00:00:00.000Z'],
  ['2026-11-20 08:30', '2026-11-20T08:30:00.000Z'],
  ['2026-11-20T08:30:15', '2026-11-20T08:30:15.000Z'],
  ['2026-11-20t08:30:15.5z', '2026-11-20T08:30:15.500Z'],
  ['2026-11-20T08:30+02:00', '2026-11-20T06:30:00.000Z'],
])('%s', (text, moment) => expect(at(text)).toBe(moment));

it.each([
  '',
  '-1',
  '2 fortnights ago',
  'ago',
  '2026-02-30',
  '2026-13-01',
  '25:00',
  '9999999999999999',
  'fr',
  '1e3',
])('not "%s"', (text) => expect(() => at(text)).toThrow(Usage));

it('a day without a zone begins where its reader is', () => {
  const local = new Date(2026, 10, 20).toISOString();
  expect(momentIn('--since', '2026-11-20', { now })).toBe(local);
});
