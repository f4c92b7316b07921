// The server's timer: a peer ends at its moment, by a clock that does not believe a jump; it is told once.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Expiry } from '../../src/server/commands/expiry.ts';
import { SteadyClock } from '../../src/server/commands/steady-clock.ts';
import { Timestamp } from '../../src/values/time.ts';
import { acme, ids } from '../acme.ts';
import { until } from '../e2e/small-network.ts';
import { NOON } from '../given.ts';
import { RunningNetwork } from './running-network.ts';

let running: RunningNetwork;
let expiry: Expiry;
let time: { wall: number; monotonic: number };
let looks: number;
let troubles: unknown[];

const at = (milliseconds: number): Timestamp =>
  Timestamp.parse(new Date(Date.parse(NOON) + milliseconds).toISOString());

beforeEach(async () => {
  running = await RunningNetwork.start(acme.network);
  time = { wall: Date.parse(NOON), monotonic: 5_000 };
  looks = 0;
  troubles = [];
  const wall = (): number => {
    looks += 1;
    return time.wall;
  };
  const clock = new SteadyClock({ wall, monotonic: () => time.monotonic });
  // As in the server: the rules judge by the clock that the timer has.
  Object.defineProperty(running, 'now', { get: () => clock.timestamp() });
  expiry = new Expiry(running.live, running.plane, (_, error) => troubles.push(error), clock);
});
afterEach(async () => {
  expiry.stop();
  await running.close();
});

const pass = (milliseconds: number): void => {
  time.wall += milliseconds;
  time.monotonic += milliseconds;
};

const bob = () => running.network.peer(ids.bob);
const endBob = (milliseconds: number) =>
  running.ask({ type: 'SetExpiry', peer: 'bob', expires: at(milliseconds) });

/** The timer has looked again, twice: at its clock, and at what is due. */
const looksAgain = async (): Promise<void> => {
  const before = looks;
  await until('the timer looks', async () => looks >= before + 8);
};

it('cuts a peer off when its time is over, and not before', async () => {
  await endBob(400);
  await looksAgain();
  expect(bob()).toMatchObject({ isDisabled: false });
  pass(400);
  await until('bob is cut off', async () => bob()?.isDisabled === true);
  expect(bob()?.expires).toBe(at(400));
  expect(troubles).toEqual([]);
});

it('does not cut anybody off for a clock that jumped ahead', async () => {
  await endBob(400);
  time.wall += 48 * 3_600_000;
  await looksAgain();
  expect(bob()).toMatchObject({ isDisabled: false });
});

it('leaves in who got another end', async () => {
  await endBob(400);
  await running.ask({ type: 'SetExpiry', peer: 'bob', expires: null });
  await running.ask({ type: 'SetExpiry', peer: 'oven', expires: at(400) });
  pass(400);
  await until('the oven is cut off', async () => running.network.peer(ids.oven)?.isDisabled === true);
  expect(bob()).toMatchObject({ isDisabled: false });
});
