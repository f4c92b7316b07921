// What is written to many is written in slices: completely, in order for each CIDR, and others come in between.
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { ViewKey } from '../../src/domain/views.ts';
import { Lanes, type Task } from '../../src/server/stream/lanes.ts';
import type { Member } from '../../src/server/stream/member.ts';

const MANY = 5_000;

const written: string[] = [];

const start = (): Lanes => {
  written.length = 0;
  const lanes = new Lanes();
  onTestFinished(() => lanes.close());
  return lanes;
};

/** Writes its name and the member's number, for so many members. */
const task = (name: string, count: number, rest: Partial<Task> = {}): Task => ({
  members: Array.from({ length: count }, (_, peerId) => ({ peerId }) as unknown as Member).values(),
  write: ({ peerId }) => written.push(`${name} ${peerId}`),
  ...rest,
});

/** How many turns of the event loop it took until so much was written. */
const through = async (count: number): Promise<number> => {
  let turns = 0;
  for (; written.length < count; turns++) await turn();
  return turns;
};

it('what is small is written at once', () => {
  start().add('3' as ViewKey, task('a', 10));
  expect(written).toHaveLength(10);
});

it('what is big takes turns, and comes to its end', async () => {
  const lanes = start();
  lanes.add('3' as ViewKey, task('a', MANY));
  expect(written.length).toBeLessThan(MANY / 4);
  expect(await through(MANY)).toBeGreaterThan(4);
  expect(written).toEqual(Array.from({ length: MANY }, (_, number) => `a ${number}`));
});

it('for one CIDR everything stays in order, whatever comes meanwhile', async () => {
  const lanes = start();
  lanes.add('3' as ViewKey, task('a', MANY));
  lanes.add('3' as ViewKey, task('b', 3));
  await turn();
  lanes.add('3' as ViewKey, task('c', MANY));
  await through(2 * MANY + 3);
  const order = [...new Set(written.map((line) => line.split(' ')[0]))];
  expect(order).toEqual(['a', 'b', 'c']);
  expect(written.indexOf('b 0')).toBe(MANY);
  expect(written.indexOf('c 0')).toBe(MANY + 3);
});

it('another CIDR does not wait until all have been told', async () => {
  const lanes = start();
  lanes.add('3' as ViewKey, task('a', MANY));
  lanes.add('4' as ViewKey, task('b', 3));
  await turn();
  await turn();
  await turn();
  expect(written).toContain('b 2');
  expect(written.length).toBeLessThan(MANY);
  await through(MANY + 3);
});

it('what weighs more takes more turns', async () => {
  const lanes = start();
  lanes.add('3' as ViewKey, task('a', 400, { weight: 40 }));
  expect(written.length).toBeLessThan(20);
  expect(await through(400)).toBeGreaterThan(20);
});

it('nothing is written after its end', async () => {
  const lanes = start();
  lanes.add('3' as ViewKey, task('a', MANY));
  const count = written.length;
  lanes.close();
  await turn();
  await turn();
  expect(written).toHaveLength(count);
});
