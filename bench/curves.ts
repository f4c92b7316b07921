/** What grows with what: one change, a resume, a snapshot, a start and memory, over networks of growing size. */
import { setTimeout as pause } from 'node:timers/promises';
import { crowdsFor, Field } from './load/field.ts';
import type { Layout } from './load/layout.ts';
import { renames } from './peers.ts';
import { median } from './sample.ts';
import { scaled } from './scale.ts';

/** What is measured, with its unit. */
export const COSTS = {
  change: 'one change: server CPU, µs',
  resume: 'a client comes back: server CPU, µs',
  snapshot: 'first snapshot of a CIDR: server CPU, ms',
  start: 'the log is loaded, ms',
  memory: 'resident memory, MiB',
} as const;

export type Cost = keyof typeof COSTS;
export type Point = { at: number } & { [C in Cost]: number };
export type Growth = { name: string; what: string; points: Point[] };

const COMMITS = 50;
const ROUNDS = 5;
const COMING_BACK = 20;
const FEW_CLIENTS = 10;
/** Those who are there and those who come back. */
const LEAST_PEERS = FEW_CLIENTS + COMING_BACK;

type Setting = { layout: Layout; clients?: number };

/** One dimension: the networks along it, by the number that grows. */
type Dimension = { name: string; what: string; steps: readonly number[]; at: (size: number) => Setting };

const DIMENSIONS: readonly Dimension[] = [
  {
    name: 'peers',
    what: 'peers in the network, in CIDRs of 50',
    steps: [100, 1_000, 10_000, 50_000],
    at: (size) => ({ layout: { peers: Math.max(size, LEAST_PEERS), perCidr: 50 } }),
  },
  {
    name: 'clients',
    what: 'live clients, in CIDRs of 50; a change concerns one CIDR',
    steps: [10, 100, 1_000, 10_000],
    at: (size) => ({ layout: { peers: size + 2 * COMING_BACK, perCidr: 50 }, clients: size }),
  },
  {
    name: 'events',
    what: 'records in the log, 1,000 peers',
    steps: [1_000, 10_000, 100_000, 1_000_000],
    at: (size) => ({
      layout: { peers: Math.max(scaled(1_000), LEAST_PEERS), perCidr: 50, renames: size - (size % 2) },
    }),
  },
  {
    name: 'associations',
    what: 'associations of the CIDR of the peer that changes, each with a CIDR of 5',
    steps: [1, 10, 100, 1_000],
    at: (size) => ({ layout: { peers: 5 * (size + 1) + LEAST_PEERS, perCidr: 5, associations: size } }),
  },
  {
    name: 'depth',
    what: 'CIDRs one inside the other, the peers in the innermost; a block of 16 million addresses has room for 16',
    steps: [1, 2, 4, 8, 16],
    at: (size) => ({ layout: { peers: 50, perCidr: 50, depth: size } }),
  },
];

const cpu = async (field: Field, work: () => Promise<unknown>): Promise<number> => {
  const before = await field.usage();
  await work();
  return (await field.usage()).cpu - before.cpu;
};

const repeat = async (measure: () => Promise<number>): Promise<number> => {
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round++) values.push(await measure());
  return median(values.slice(1));
};

const costs = async ({ layout, clients = FEW_CLIENTS }: Setting, at: number): Promise<Point> => {
  const field = await Field.create({ layout, crowds: crowdsFor(clients), light: true });
  try {
    await field.connect(Math.min(clients, layout.peers - COMING_BACK));
    await pause(300 + clients / 5);
    const change = await repeat(
      async () => (await cpu(field, () => field.executeAll(renames(COMMITS)))) / COMMITS,
    );
    const snapshot = await repeat(async () => {
      await field.executeAll(renames(2));
      return (await cpu(field, () => field.askCrowd('snapshots', { count: 1 }))) / 1000;
    });
    await pause(200);
    const resume = (await cpu(field, () => field.connect(COMING_BACK))) / COMING_BACK;
    const memory = (await field.usage(true)).rss / 2 ** 20;
    const start = await repeat(async () => {
      await field.kill();
      await field.start();
      return field.openedIn;
    });
    return { at, change, resume, snapshot, start, memory };
  } finally {
    await field.close();
  }
};

/** Measures along every dimension, or those named; `onEach` hears of each as soon as it is whole. */
export const grow = async (
  say: (progress: string) => void,
  only: readonly string[],
  onEach: (growth: Growth) => void,
): Promise<Growth[]> => {
  const all: Growth[] = [];
  for (const { name, what, steps, at } of DIMENSIONS) {
    if (only.length > 0 && !only.includes(name)) continue;
    const points: Point[] = [];
    for (const step of steps) {
      const size = name === 'depth' || name === 'associations' ? step : scaled(step);
      points.push(await costs(at(size), size));
      say(`curves: ${name} ${size}: ${JSON.stringify(points.at(-1))}`);
    }
    const growth = { name, what, points };
    onEach(growth);
    all.push(growth);
  }
  return all;
};
