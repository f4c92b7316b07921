// Positions found by time: the same as a scan of the whole log finds, whatever the clock did, while the log grows.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordedTimes } from '../../src/server/past/recorded-times.ts';
import type { Position } from '../../src/values/id.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, ids } from '../acme.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';

const at = (second: number): Timestamp =>
  new Date(Date.parse('2026-11-22T12:00:00.000Z') + second * 1000).toISOString() as Timestamp;

/** The last position that was recorded by then. */
const scanned = (seconds: readonly number[], second: number): Position | undefined => {
  const index = seconds.findLastIndex((each) => each <= second);
  return index < 0 ? undefined : index + 1;
};

/** Seconds at which commits were recorded, and how many records each has: a clock that mostly goes on. */
const clock = fc.array(
  fc.record({ step: fc.integer({ min: -20, max: 25 }), records: fc.integer({ min: 1, max: 4 }) }),
  { minLength: 1, maxLength: 12 },
);

describe('the last position by a time', () => {
  it('is what a scan finds, whatever the clock did', { timeout: 120_000 }, async () => {
    const tried = { found: 0, none: 0, back: 0 };
    const log = await tempLog();
    await append(log, commitOf(acme.created), commitOf(acme.bob));
    const seconds: number[] = Array.from({ length: (await log.head()).position }, () => 0);
    const strides = [1, 3, 7, 1_000].map((stride) => new RecordedTimes(log, stride));
    await fc.assert(
      fc.asyncProperty(
        clock,
        fc.array(fc.integer({ min: -200, max: 400 }), { maxLength: 8 }),
        async (stage, asked) => {
          for (const { step, records } of stage) {
            const second = (seconds.at(-1) ?? 0) + step;
            if (step < 0) tried.back += 1;
            const events = Array.from({ length: records }, (_, n) => ({
              type: 'PeerRenamed' as const,
              peerId: ids.bob,
              name: `bob-${n}`,
            }));
            await append(log, { ...commitOf(events), recordedAt: at(second) });
            for (let record = 0; record < records; record += 1) seconds.push(second);
          }
          const near = seconds.at(-1) ?? 0;
          for (const second of [...asked, near - 1, near, near + 1, Math.min(...seconds) - 1]) {
            const expected = scanned(seconds, second);
            tried[expected === undefined ? 'none' : 'found'] += 1;
            for (const times of strides) expect(await times.lastAt(at(second))).toBe(expected);
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(Math.min(...Object.values(tried))).toBeGreaterThan(30);
  });

  it('is none in a log that is empty', async () =>
    expect(await new RecordedTimes(await tempLog()).lastAt(at(0))).toBeUndefined());
});
