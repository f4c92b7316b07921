/** An association between two CIDRs of 5,000 peers each: 10,000 clients gain 5,000 peers, and nobody else waits. */
import { setTimeout as pause } from 'node:timers/promises';
import { clock } from './clock.ts';
import { alone, beside, type Measured, type Row } from './figure.ts';
import { BareField } from './load/bare-field.ts';
import { Field } from './load/field.ts';
import type { Usage } from './load/server.ts';
import { scaled } from './scale.ts';

const ROUNDS = 3;
const EACH = 5_000;
const PATIENCE = 300;

/** Milliseconds between the changes of somebody else: every 64 of them tell all clients where the chain is. */
const BYSTANDER_PAUSE = 50;

type Round = { last: number; waits: number[]; delay: Usage['delay']; bytes: number };

/** Changes to a peer whom the association does not concern, one after the other: how long each waited. */
const bystander = (field: Field, peer: string): { stop: () => Promise<number[]> } => {
  const waits: number[] = [];
  let isOver = false;
  const asking = (async () => {
    for (let round = 0; !isOver || round % 2 === 1; round++) {
      const asked = clock();
      const names = [peer, `${peer}-b`];
      await field.execute({ type: 'RenamePeer', peer: names[round % 2], name: names[(round + 1) % 2] });
      waits.push(clock() - asked);
      await pause(BYSTANDER_PAUSE);
    }
  })();
  asking.catch(() => {}); // awaited in `stop`
  const stop = async (): Promise<number[]> => {
    isOver = true;
    await asking;
    return waits;
  };
  return { stop };
};

const associate = async (field: Field, clients: number): Promise<Round> => {
  await field.forget();
  await field.ask('forgetDelay');
  const other = bystander(field, `p${clients}`);
  const { committed, position } = await field.execute({ type: 'AddAssociation', cidrs: ['c0', 'c1'] });
  const { times, tally } = await field.reach(position, { seconds: PATIENCE });
  const waits = await other.stop();
  const { delay } = await field.usage();
  const back = await field.execute({ type: 'DeleteAssociation', cidrs: ['c0', 'c1'] });
  await field.reach(back.position, { seconds: PATIENCE });
  await pause(1_000);
  const bytes = Math.round((tally.bytes + tally.snapshotBytes) / clients);
  return { last: (times.at(-1) ?? Number.NaN) - committed, waits, delay, bytes };
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const each = scaled(EACH);
  const clients = 2 * each;
  const layout = { peers: clients + 1, perCidr: each };
  const field = await Field.create({ layout, light: true });
  const bare = await BareField.create(layout);
  try {
    await field.connect(clients);
    await bare.connect(clients);
    say(`association: ${clients} clients of each kind are connected`);
    const rounds: Round[] = [];
    const yardstick: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const ours = await associate(field, clients);
      rounds.push(ours);
      yardstick.push((await bare.broadcast(ours.bytes)).at(-1) ?? Number.NaN);
      say(
        `association: ${ours.bytes} bytes for each client, ${Math.round(ours.last)} ms; bare ${Math.round(yardstick.at(-1) ?? 0)} ms`,
      );
    }
    const name = `association of ${each} and ${each} peers`;
    return [
      beside(
        { name: `${name}: last client`, unit: 'ms' },
        rounds.map(({ last }) => last),
        yardstick,
        { atMost: 3 },
      ),
      alone(
        { name: 'longest wait of another command', unit: 'ms' },
        rounds.map(({ waits }) => Math.max(...waits)),
        50,
      ),
      alone(
        { name: 'event loop meanwhile, p99', unit: 'ms' },
        rounds.map(({ delay }) => delay.p99),
        50,
      ),
      alone(
        { name: 'event loop meanwhile, longest', unit: 'ms' },
        rounds.map(({ delay }) => delay.max),
      ),
    ];
  } finally {
    await field.close();
    await bare.close();
  }
};

export const association: Row = {
  name: 'association',
  what: 'two CIDRs of 5,000 live peers each are associated; yardstick: ws sends everybody the same bytes',
  measure,
};
