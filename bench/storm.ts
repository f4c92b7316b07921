/** 5,000 clients return at once after a kill -9: how soon all are level, by what, and what the server needs for it. */
import { setTimeout as pause } from 'node:timers/promises';
import { clock } from './clock.ts';
import { alone, beside, type Curve, type Measured, type Row } from './figure.ts';
import { BareField } from './load/bare-field.ts';
import { Field } from './load/field.ts';
import { renames } from './peers.ts';
import { interleave } from './sample.ts';
import { scaled } from './scale.ts';

const ROUNDS = 3;
const CLIENTS = 5_000;
const MEBIBYTE = 2 ** 20;
/** The memory is looked at this often, in milliseconds. */
const LOOK_EVERY = 100;
/** Commits just before the kill: who comes back is a little behind, and not by the same. */
const RECENT = 20;
/** So long a server is away at least, in milliseconds: the bare one as long as ours. */
const AWAY = 1_500;

type Round = { seconds: number; snapshots: number; peak: number; curve: Curve['points'] };

/** The peak of the server's memory while something goes on, in MiB. */
const watched = async <T>(field: Field, work: Promise<T>): Promise<{ result: T; peak: number }> => {
  let isOver = false;
  let peak = 0;
  const watching = (async () => {
    while (!isOver) {
      peak = Math.max(peak, (await field.usage()).rss / MEBIBYTE);
      await pause(LOOK_EVERY);
    }
  })();
  const result = await work;
  isOver = true;
  await watching;
  return { result, peak };
};

const ours = async (field: Field): Promise<Round> => {
  await field.executeAll(renames(RECENT));
  await field.forget();
  await field.kill();
  await pause(AWAY);
  const before = clock();
  await field.start();
  const begin = clock();
  const { position } = await field.ask<{ position: number }>('head');
  const levelling = field.reach(position - RECENT, { seconds: 120, since: before });
  const { result, peak } = await watched(field, levelling);
  const { times, tally } = result;
  const seconds = ((times.at(-1) ?? Number.NaN) - begin) / 1000;
  const every = Math.max(1, Math.floor(times.length / 100));
  const curve = times.flatMap((time, index): [number, number][] =>
    index % every === 0 || index === times.length - 1 ? [[(time - begin) / 1000, index + 1]] : [],
  );
  return { seconds, snapshots: tally.snapshots, peak, curve };
};

const bareRound = async (bare: BareField, away: number): Promise<number> => {
  await bare.kill();
  await pause(away);
  await bare.start();
  const begin = clock();
  const times = await bare.back(begin);
  return ((times.at(-1) ?? Number.NaN) - begin) / 1000;
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const clients = scaled(CLIENTS);
  const layout = { peers: clients, perCidr: 50 };
  const field = await Field.create({ layout });
  const bare = await BareField.create(layout);
  try {
    await field.connect(clients);
    await bare.connect(clients);
    say(`storm: ${clients} clients of each kind are connected`);
    const rounds: Round[] = [];
    const [seconds = [], yardstick = []] = await interleave(ROUNDS, [
      async () => {
        const round = await ours(field);
        rounds.push(round);
        return round.seconds;
      },
      () => bareRound(bare, AWAY + field.startedIn),
    ]);
    const curve = { name: 'storm', points: rounds.at(-1)?.curve ?? [] };
    const snapshots = rounds.map((round) => round.snapshots);
    return [
      {
        ...beside({ name: `${clients} clients return: all level`, unit: 's' }, seconds, yardstick, {
          atMost: 3,
        }),
        curve,
      },
      alone({ name: 'snapshots taken on return', unit: 'snapshots' }, [Math.max(...snapshots)], 1),
      alone(
        { name: 'memory of the server meanwhile', unit: 'MiB' },
        rounds.map(({ peak }) => peak),
        300,
      ),
    ];
  } finally {
    await field.close();
    await bare.close();
  }
};

export const storm: Row = {
  name: 'storm',
  what: 'kill -9 and start with 5,000 clients: until all are level, memory; yardstick: ws with as many, same jitter',
  measure,
};
