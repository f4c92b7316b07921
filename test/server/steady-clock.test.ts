// The clock that ends invitations: a jump ahead is believed after ten minutes, a jump back at once.
import { expect, it } from 'vitest';
import { BELIEVED_AFTER_MS, SteadyClock } from '../../src/server/commands/steady-clock.ts';

const START = Date.parse('2026-11-22T12:00:00Z');
const HOUR = 3_600_000;

/** A clock whose two sources the test moves. */
const moved = () => {
  const time = { wall: START, monotonic: 5_000 };
  const clock = new SteadyClock({ wall: () => time.wall, monotonic: () => time.monotonic });
  const pass = (ms: number) => {
    time.wall += ms;
    time.monotonic += ms;
    return clock.now() - START;
  };
  return { time, clock, pass };
};

it('goes on with the time', () => {
  const { pass } = moved();
  expect([pass(1_000), pass(HOUR), pass(60_000)]).toEqual([1_000, HOUR + 1_000, HOUR + 61_000]);
});

it('does not believe a jump ahead until it has stood for ten minutes', () => {
  const { time, pass } = moved();
  time.wall += 48 * HOUR;
  expect(pass(0)).toBe(0);
  expect(pass(BELIEVED_AFTER_MS - 1)).toBe(BELIEVED_AFTER_MS - 1);
  expect(pass(1)).toBe(48 * HOUR + BELIEVED_AFTER_MS);
});

it('forgets a jump that was taken back', () => {
  const { time, pass } = moved();
  time.wall += HOUR;
  pass(1_000);
  time.wall -= HOUR;
  expect(pass(BELIEVED_AFTER_MS)).toBe(BELIEVED_AFTER_MS + 1_000);
  time.wall += HOUR;
  expect(pass(1_000)).toBe(BELIEVED_AFTER_MS + 2_000);
});

it('believes a jump back at once, and small corrections', () => {
  const { time, pass } = moved();
  time.wall -= HOUR;
  expect(pass(0)).toBe(-HOUR);
  time.wall += 500;
  expect(pass(0)).toBe(500 - HOUR);
});
