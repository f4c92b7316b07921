// A soak: churn for some minutes, then everybody must have what the log says, and nothing may have grown.
import { existsSync } from 'node:fs';
import { diceOf } from '../torture/seed.ts';
import { Churn } from './churn.ts';
import { livesIn, risesIn, tableOf } from './curve.ts';
import { World } from './world.ts';

export type SoakOptions = {
  minutes: number;
  seed: number;
  guests?: number;
  crowd?: number;
  /** Hears what goes on. */
  say: (line: string) => void;
};

/** Below this many minutes the log is not filled first, and of what still settles or comes and goes nothing is judged. */
const LONG = 5;

/** Seconds for everybody to come level: who was shut out asks once a minute. */
const SETTLE = 120;

const summary = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([what, count]) => `${what} ${count}`).join(', ');

/** Everything that was not as it should be, in words. */
export const soak = async ({
  minutes,
  seed,
  guests = 4,
  crowd = 12,
  say,
}: SoakOptions): Promise<string[]> => {
  const isLong = minutes >= LONG;
  const world = await World.create({ guests, crowd, isLong, lookEvery: isLong ? 15_000 : 1_000 });
  try {
    return await churned(world, { minutes, seed, isLong, say });
  } finally {
    await world.close();
  }
};

const churned = async (
  world: World,
  { minutes, seed, isLong, say }: { minutes: number; seed: number; isLong: boolean; say: SoakOptions['say'] },
): Promise<string[]> => {
  const churn = new Churn(world, diceOf(seed));
  const [start, length] = [performance.now(), minutes * 60_000];
  let told = start;
  for (let now = start; now - start < length; now = performance.now()) {
    churn.mayRestart = now - start < length / 2;
    await churn.step();
    if (now - told < 60_000) continue;
    told = now;
    say(`${Math.round((now - start) / 60_000)} min: ${summary(churn.counts)}`);
  }
  await churn.rest();
  const wrong = await world.settle(SETTLE);
  say(`done: ${summary(churn.counts)}`);
  say(wrong.length === 0 ? 'every device and every view is what the log says' : 'not all is as the log says');
  wrong.push(...curves(world, isLong, say), ...warnings(world.said));
  return wrong;
};

/** The longest life of each program that was not to end. */
const curves = (world: World, isLong: boolean, say: SoakOptions['say']): string[] => {
  const rises: string[] = [];
  for (const { host, name } of [{ host: world.server, name: 'server' }, ...world.steady]) {
    const life = livesIn(world.looksAt(host)).sort((a, b) => b.length - a.length)[0] ?? [];
    say(`${name}:`);
    for (const line of tableOf(life)) say(`  ${line}`);
    const found = risesIn(life).filter((rise) => isLong || /^listeners/.test(rise));
    rises.push(...found.map((rise) => `${name}: ${rise}`));
    if (!existsSync(world.looksAt(host))) rises.push(`${name}: was not looked at`);
  }
  return rises;
};

const warnings = (said: readonly string[]): string[] =>
  said.filter((line) => /MaxListenersExceeded|internal error|Unhandled|at file:\/\//.test(line));
