/** What one commit costs the server in networks of 100 to 50,000 peers, where it concerns ten live clients in each. */
import { setTimeout as pause } from 'node:timers/promises';
import { beside, type Measured, type Row } from './figure.ts';
import { Field } from './load/field.ts';
import { interleave, type Sample } from './sample.ts';
import { scaled } from './scale.ts';

const ROUNDS = 7;
const COMMITS = 100;
const CONCERNED = 10;
const SIZES = [100, 1_000, 10_000, 50_000] as const;

/** The rename of the first peer and its way back, over and over. */
export const renames = (count: number, peer = 'p0'): object[] =>
  Array.from({ length: count }, (_, index) => {
    const [before, after] = index % 2 === 0 ? [peer, `${peer}-b`] : [`${peer}-b`, peer];
    return { type: 'RenamePeer', peer: before, name: after };
  });

/** Microseconds of the server's processor time for a commit, writer's thread included. */
const costOf = async (field: Field): Promise<number> => {
  const before = await field.usage();
  const told = await field.executeAll(renames(COMMITS));
  const after = await field.usage();
  const numbers = Array.from({ length: CONCERNED }, (_, index) => index);
  await field.reach(told.at(-1)?.position ?? 0, { numbers });
  return (after.cpu - before.cpu) / COMMITS;
};

const nameOf = (size: number): string => `server CPU a commit, ${size} peers`;

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const fields: Field[] = [];
  try {
    for (const size of SIZES.map(scaled)) {
      const field = await Field.create({ layout: { peers: size, perCidr: CONCERNED } });
      fields.push(field);
      await field.connect(CONCERNED);
      say(`peers: a network of ${size} stands`);
    }
    await pause(500);
    const samples = await interleave(
      ROUNDS,
      fields.map((field) => () => costOf(field)),
    );
    const [smallest = []] = samples;
    const figure = (sample: Sample, index: number): Measured =>
      beside({ name: nameOf(scaled(SIZES[index] ?? 0)), unit: 'µs' }, sample, smallest, { atMost: 1.5 });
    return samples.map(figure).slice(1);
  } finally {
    await Promise.all(fields.map((field) => field.close()));
  }
};

export const peers: Row = {
  name: 'peers',
  what: 'server CPU for a commit that concerns 10 clients, 1,000 to 50,000 peers; yardstick: the same with 100',
  measure,
};
