/**
 * From the relay to the direct way under traffic, again and again: packets lost, segments sent again, pairs that end at
 * the relay. And trials that must fail, since one router changes ports: packets lost.
 */

import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../test/lab/until.ts';
import type { Running } from '../test/lab.ts';
import { alone, type Measured, type Row } from './figure.ts';
import { LEAST_BY_KERNEL, Pings, RelayScene, type SentAgain, type Side, sentAgain } from './relay-scene.ts';
import { repeated } from './scale.ts';
import type { Path } from './scene.ts';

const VARIANTS: readonly Variant[] = [
  { oneWayMs: 0, hasNft: true, isBetween: true },
  { oneWayMs: 20, hasNft: true, isBetween: true },
  { oneWayMs: 20, hasNft: false, isBetween: true },
  { oneWayMs: 20, hasNft: true, isBetween: false },
  { oneWayMs: 40, hasNft: true, isBetween: true },
];
/** Megabits a second from each side. */
const TCP_RATES = [10, 30] as const;
const TCP_PORT = 5001;
/** After a swap, so that a late packet shows, and as a control. */
const AFTER_MS = 3000;
const PATIENCE = 60;

const pathOf = (oneWayMs: number): Path => ({
  name: oneWayMs === 0 ? 'bare path' : `${oneWayMs} ms each way`,
  oneWayMs,
});

/** Steady TCP from both sides, until ended. */
class Tcp {
  readonly #running: Running[] = [];

  static async start(scene: RelayScene, rate: number): Promise<Tcp> {
    const tcp = new Tcp();
    const program = [process.execPath, resolve('bench/bare/steady-tcp.js')];
    const spawn = (side: Side, ...args: string[]): Running => {
      const running = side.machine.host.spawn([...program, ...args]);
      tcp.#running.push(running);
      return running;
    };
    for (const side of [scene.ann, scene.bob]) await spawn(side, 'take', String(TCP_PORT)).line(/ready/);
    for (const [from, to] of [
      [scene.ann, scene.bob],
      [scene.bob, scene.ann],
    ] as const)
      await spawn(from, 'send', to.address, String(TCP_PORT), String(rate)).line(/connected/);
    return tcp;
  }

  async end(): Promise<void> {
    await Promise.all(this.#running.reverse().map((running) => running.stop('SIGINT')));
  }
}

const again = async ({ ann, bob }: RelayScene): Promise<SentAgain> => {
  const [one, other] = [await sentAgain(ann), await sentAgain(bob)];
  return { all: one.all + other.all, needless: one.needless + other.needless };
};

const ruled = async (scene: RelayScene): Promise<number> =>
  (await scene.underRule(scene.ann)) + (await scene.underRule(scene.bob));

/** Whether the pair ended at the relay, although a second passed. */
const swap = async (scene: RelayScene): Promise<boolean> => {
  await scene.followBoth();
  await until('a side has gone over', async () => !(await scene.isBy('relay')), PATIENCE);
  await pause(AFTER_MS);
  return !(await scene.isBy('direct'));
};

const underPings = async (scene: RelayScene) => {
  const pings = new Pings(scene);
  await pings.areAnswered();
  const isBack = await swap(scene);
  return { ...(await pings.end()), isBack };
};

/** Segments sent again around the swap; the control is another start of the programs, where the way is direct already. */
const underTcp = async (scene: RelayScene, rate: number) => {
  const tcp = await Tcp.start(scene, rate);
  try {
    await pause(1000);
    const before = await again(scene);
    const isBack = await swap(scene);
    const between = await again(scene);
    for (const side of [scene.ann, scene.bob]) await scene.unfollow(side);
    const started = await again(scene);
    await scene.followBoth();
    await pause(AFTER_MS);
    const control = (await again(scene)).all - started.all;
    const [all, needless] = [between.all - before.all, between.needless - before.needless];
    return { again: all, lost: Math.max(0, all - needless - control), control, isBack };
  } finally {
    await tcp.end();
  }
};

const sum = (values: readonly number[]): number => values.reduce((one, other) => one + other, 0);

type Say = (progress: string) => void;

type Variant = { oneWayMs: number; hasNft: boolean; isBetween: boolean };

const pingRounds = async (scene: RelayScene, count: number, say: Say) => {
  const rounds: Awaited<ReturnType<typeof underPings>>[] = [];
  while (rounds.length < count) {
    await scene.backToRelay();
    const round = await underPings(scene);
    rounds.push(round);
    say(`swap: ${round.lost} of ${round.sent} pings lost${round.isBack ? '; BACK AT THE RELAY' : ''}`);
  }
  return rounds;
};

const tcpRounds = async (scene: RelayScene, rate: number, count: number, say: Say) => {
  const rounds: Awaited<ReturnType<typeof underTcp>>[] = [];
  while (rounds.length < count) {
    await scene.backToRelay();
    const round = await underTcp(scene, rate);
    rounds.push(round);
    const told = `${round.again} sent again, ${round.lost} of them lost, control ${round.control}`;
    say(`swap under TCP ${rate} Mbit/s: ${told}${round.isBack ? '; BACK AT THE RELAY' : ''}`);
  }
  return rounds;
};

const swapsOn = async ({ oneWayMs, hasNft, isBetween }: Variant, say: Say): Promise<Measured[]> => {
  const path = pathOf(oneWayMs);
  const where = `${path.name}${hasNft ? '' : ', by the program'}${isBetween ? '' : ', the relay twice as far'}`;
  const named = (name: string, unit: string) => ({ name: `${name}, ${where}`, unit });
  const scene = await RelayScene.withBoth({ path, ports: ['keep', 'keep'], hasNft, isBetween });
  const count = repeated(3, 100);
  try {
    await scene.waitFor('direct');
    for (const side of [scene.ann, scene.bob]) await scene.watchRule(side);
    const before = await scene.passed();
    const pinged = await pingRounds(scene, count, say);
    const figures = [
      alone(named(`${count} swaps under pings: lost`, 'packets'), [sum(pinged.map(({ lost }) => lost))], 1),
    ];
    let back = sum(pinged.map(({ isBack }) => Number(isBack)));
    for (const rate of TCP_RATES) {
      const rounds = await tcpRounds(scene, rate, count, say);
      back += sum(rounds.map(({ isBack }) => Number(isBack)));
      const more = rounds.map((round) => round.again - round.control);
      const lost = sum(rounds.map((round) => round.lost));
      figures.push(
        alone(
          named(`${count} swaps under TCP ${rate} Mbit/s: sent again above the control`, 'segments'),
          more,
          1,
        ),
        alone(named('… lost in all', 'segments'), [lost], 1),
      );
    }
    const swaps = count * (1 + TCP_RATES.length);
    figures.push(alone(named(`${swaps} swaps: end at the relay`, 'pairs'), [back], 1));
    await examine(scene, hasNft, before, say);
    return figures;
  } finally {
    await scene.close();
  }
};

/** Throws where the figures would say nothing: no packet was under way, or the kernel did not pass what it should. */
const examine = async (
  scene: RelayScene,
  hasNft: boolean,
  before: { kernel: number; program: number },
  say: Say,
): Promise<void> => {
  const after = await scene.passed();
  const [kernel, program] = [after.kernel - before.kernel, after.program - before.program];
  const rule = await ruled(scene);
  say(`swap: the kernel passed ${kernel}, ${program} came up to the program, ${rule} came under the rule`);
  if (rule === 0) throw new Error('no packet came under the rule of the change: nothing was under way');
  if (hasNft && kernel < LEAST_BY_KERNEL * (kernel + program))
    throw new Error(`the kernel passed ${kernel} packets, but ${program} came up to the program`);
};

const measureSwaps = async (say: Say): Promise<Measured[]> => {
  const measured: Measured[] = [];
  for (const variant of VARIANTS) measured.push(...(await swapsOn(variant, say)));
  return measured;
};

/** Both say after a trial why they are not direct. */
const hasFailed = async ({ machine }: Side): Promise<boolean> => {
  const { text } = await machine.type('innernet', 'show', '--json');
  return text.includes('no probe got through');
};

const measureFailures = async (say: Say): Promise<Measured[]> => {
  const scene = await RelayScene.withBoth({ path: pathOf(20), ports: ['random', 'keep'] });
  try {
    await scene.waitFor('relay');
    const rounds: { sent: number; lost: number }[] = [];
    for (const count = repeated(3, 100); rounds.length < count; ) {
      await scene.backToRelay();
      const pings = new Pings(scene);
      await pings.areAnswered();
      await scene.followBoth();
      await until(
        'the trial has failed',
        async () => (await hasFailed(scene.ann)) || (await hasFailed(scene.bob)),
        PATIENCE,
      );
      const round = await pings.end();
      rounds.push(round);
      say(`failed trial: ${round.lost} of ${round.sent} pings lost`);
    }
    const lost = rounds.map((round) => round.lost);
    const named = { name: `${lost.length} trials that must fail: lost, 20 ms each way`, unit: 'packets' };
    return [alone(named, [sum(lost)], 1)];
  } finally {
    await scene.close();
  }
};

export const relaySwap: Row = {
  name: 'relay-swap',
  what: 'relay to direct under 200 pings/s each way and under TCP, at 0, 20 and 40 ms: lost, sent again, ends at the relay',
  measure: measureSwaps,
};

export const relayFailure: Row = {
  name: 'relay-failure',
  what: 'trials of the direct way that must fail, one router changes ports: packets lost',
  measure: measureFailures,
};
