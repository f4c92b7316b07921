/** One more peer in a network where all may see it: server CPU, bytes sent, and when the last live client knows. */
import { setTimeout as pause } from 'node:timers/promises';
import { alone, beside, type Measured, type Row } from './figure.ts';
import { Field } from './load/field.ts';
import { someKey } from './load/layout.ts';
import { scaled } from './scale.ts';

const ROUNDS = 9;
const COUNTS = [500, 5_000, 10_000] as const;
/** Headscale: 6.1 s of CPU, 36.8 MB, 12.2 s; NetBird: 2.0 s, 89.6 MB, 2.0 s. */
const GOAL = { cpu: 50, megabytes: 0.35, until: 100, memory: 150 };
const SPARE = 2_000;

type Round = { cpu: number; megabytes: number; until: number };

const join = async (field: Field, number: number): Promise<Round> => {
  await field.forget();
  const before = await field.usage();
  const inviteExpires = '2099-01-01T00:00:00.000Z';
  const invitation = {
    name: `new-${number}`,
    cidr: 'c0',
    isAdmin: false,
    publicKey: someKey(),
    inviteExpires,
  };
  await field.execute({ type: 'AddPeer', ...invitation });
  const { committed, position } = await field.redeem(invitation.name, someKey());
  const { times, tally } = await field.reach(position);
  const after = await field.usage();
  return {
    cpu: (after.cpu - before.cpu) / 1000,
    megabytes: tally.bytes / 1e6,
    until: (times.at(-1) ?? Number.NaN) - committed,
  };
};

const rounds = async (field: Field, clients: number): Promise<Round[]> => {
  const all: Round[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    all.push(await join(field, clients * 100 + round));
    await pause(200 + clients / 10);
  }
  return all.slice(1);
};

const columns = (all: readonly Round[], clients: number) => {
  const of = (column: keyof Round) => all.map((round) => round[column] / clients);
  return { cpu: of('cpu'), megabytes: of('megabytes'), until: of('until') };
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const most = scaled(COUNTS[2]);
  const field = await Field.create({ layout: { peers: most, perCidr: most, spare: SPARE } });
  try {
    const measured: Measured[] = [];
    const [few, ...more] = COUNTS.map(scaled) as [number, number, number];
    await field.connect(few);
    const { rss } = await field.usage();
    const first = await rounds(field, few);
    const named = (what: string) => `${what}, ${few} clients`;
    measured.push(
      alone(
        { name: named('one more peer: server CPU'), unit: 'ms' },
        first.map(({ cpu }) => cpu),
        GOAL.cpu,
      ),
      alone(
        { name: named('one more peer: bytes sent'), unit: 'MB' },
        first.map(({ megabytes }) => megabytes),
        GOAL.megabytes,
      ),
      alone(
        { name: named('one more peer: all know it'), unit: 'ms' },
        first.map(({ until }) => until),
        GOAL.until,
      ),
      alone({ name: named('server memory'), unit: 'MiB' }, [rss / 2 ** 20], GOAL.memory),
    );
    let connected = few;
    for (const count of more) {
      await field.connect(count - connected);
      connected = count;
      say(`newcomer: ${count} clients are connected`);
      const [each, base] = [columns(await rounds(field, count), count), columns(first, few)];
      const growth = { atMost: 1.5 };
      measured.push(
        beside({ name: `one more peer: CPU a client, ${count}`, unit: 'ms' }, each.cpu, base.cpu, growth),
        beside(
          { name: `one more peer: MB a client, ${count}`, unit: 'MB' },
          each.megabytes,
          base.megabytes,
          growth,
        ),
        beside({ name: `one more peer: ms a client, ${count}`, unit: 'ms' }, each.until, base.until, growth),
      );
    }
    return measured;
  } finally {
    await field.close();
  }
};

export const newcomer: Row = {
  name: 'newcomer',
  what: 'one more peer that all of 500, 5,000, 10,000 live clients see: server CPU, bytes, until all know it',
  measure,
};
