/** A log of 1,000,000 records: how soon a server is ready with it, and how fast its history is told. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BareReader } from './bare/reading.ts';
import { alone, beside, type Measured, type Row } from './figure.ts';
import { Field } from './load/field.ts';
import { interleave, timed } from './sample.ts';
import { scaled } from './scale.ts';

const LONG = 1_000_000;
const SHORT = 20_000;
const PEERS = 1_000;
const READY_ROUNDS = 5;
const HISTORY_ROUNDS = 3;

const even = (count: number): number => count - (count % 2);

const fieldOf = (records: number): Promise<Field> =>
  Field.create({ layout: { peers: scaled(PEERS), perCidr: 50, renames: even(scaled(records)) } });

/** Milliseconds from the process's start to its listening. */
const ready = async (field: Field): Promise<number> => {
  await field.kill();
  await field.start();
  return field.startedIn;
};

type Told = { milliseconds: number; lines: number; peak: number };

/** `innernet-server history` into a pipe, to its end. */
const history = async (field: Field, filter: readonly string[]): Promise<Told> => {
  const program = [
    resolve('dist/innernet-server.js'),
    '--data-dir',
    field.folder,
    'history',
    'load',
    ...filter,
  ];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
  let lines = 0;
  let peak = 0;
  const milliseconds = await timed(async () => {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
      peak = Math.max(peak, peakOf(child.pid) || peak);
    }
  });
  return { milliseconds, lines, peak };
};

/** The most memory that a process has had, in MiB. */
const peakOf = (pid: number | undefined): number => {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) / 1024;
  } catch {
    return 0; // it has ended
  }
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const long = await fieldOf(LONG);
  say(`million: a log of ${scaled(LONG)} records is written`);
  const short = await fieldOf(SHORT);
  try {
    const [late = [], soon = []] = await interleave(READY_ROUNDS, [() => ready(long), () => ready(short)]);
    const told: Told[] = [];
    const bare = new BareReader(join(long.folder, 'load.events'));
    const perSecond = ({ milliseconds, lines }: Told): number => lines / (milliseconds / 1000);
    const total = (await long.ask<{ position: number }>('head')).position;
    const [rate = [], yardstick = []] = await interleave(HISTORY_ROUNDS, [
      async () => {
        const one = await history(long, ['--type', 'PeerRenamed']);
        told.push(one);
        return perSecond(one);
      },
      () => total / (bare.read() / 1000),
    ]);
    const brief = await history(long, ['--type', 'PeerRenamed', '--until', String(Math.floor(total / 4))]);
    bare.close();
    return [
      beside({ name: `server ready, log of ${scaled(LONG)}`, unit: 'ms' }, late, soon, { atMost: 2 }),
      beside({ name: `history of ${scaled(LONG)}, filtered`, unit: 'records/s' }, rate, yardstick, {
        atLeast: 0.5,
      }),
      beside(
        { name: 'its memory, beside that of a quarter', unit: 'MiB' },
        told.map(({ peak }) => peak),
        told.map(() => brief.peak),
        { atMost: 1.5 },
      ),
      alone(
        { name: `history of ${scaled(LONG)}, whole`, unit: 's' },
        told.map(({ milliseconds }) => milliseconds / 1000),
      ),
    ];
  } finally {
    await long.close();
    await short.close();
  }
};

export const million: Row = {
  name: 'million',
  what: 'a log of 1,000,000: server ready (yardstick: a log of 20,000), history to a pipe (yardstick: reading rows)',
  measure,
};
