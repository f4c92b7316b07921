/** What others wait for while peers ask the log the hardest questions that there are, as often as they may. */
import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { SERVER_KEY_HEADER } from '../src/protocol/http.ts';
import { hostOf, portOf, type SocketAddress } from '../src/values/endpoint.ts';
import { clock } from './clock.ts';
import { beside, type Measured, type Row } from './figure.ts';
import type { Asking, Heard } from './load/askers.ts';
import { Field } from './load/field.ts';
import { addressOf, type Layout } from './load/layout.ts';
import { Child } from './load/orders.ts';
import { median, type Sample } from './sample.ts';
import { scaled } from './scale.ts';

const ROUNDS = 5;
const RECORDS = 200_000;
const CIDRS = 2_000;
/** Milliseconds that a measurement takes. */
const LASTING = 8_000;
/** Milliseconds between one call, or change, and the next. */
const BREAK = 25;

/** Numbers of peers: who asks, who calls meanwhile, who is changed, and who hears of that, all in small CIDRs. */
const ASKING = [2, 4, 6, 8];
const CALLING = Array.from({ length: 40 }, (_, index) => 100 + index);
const CHANGED = 20;
const HEARING = [0, 1, 21];

const p99 = (values: Sample): number => {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
};

type Waits = { calls: number[]; changes: number[] };

/** What a call takes that costs the server as little as any. */
const call = (field: Field, agents: Map<number, Agent>, number: number): Promise<number> => {
  const { endpoint, serverKey } = field.served;
  const at = endpoint as SocketAddress;
  const agent = agents.get(number) ?? new Agent({ keepAlive: true, maxSockets: 1 });
  agents.set(number, agent);
  const begin = clock();
  return new Promise((resolve, reject) => {
    const options = {
      host: hostOf(at),
      port: portOf(at),
      localAddress: addressOf(field.layout, number),
      agent,
      path: '/v1/user/capabilities',
      headers: { [SERVER_KEY_HEADER]: serverKey, host: endpoint },
    };
    get(options, (response) => {
      response.resume();
      response.on('end', () => resolve(clock() - begin));
    }).on('error', reject);
  });
};

/** From the request of a change until all who see it have it. */
const change = async (field: Field, round: number): Promise<number> => {
  const names = [`p${CHANGED}`, `p${CHANGED}-b`];
  const { asked, position } = await field.execute({
    type: 'RenamePeer',
    peer: names[round % 2],
    name: names[(round + 1) % 2],
  });
  const { times } = await field.reach(position, { numbers: HEARING });
  return (times.at(-1) ?? Number.NaN) - asked;
};

const listen = async (field: Field, agents: Map<number, Agent>): Promise<Waits> => {
  const waits: Waits = { calls: [], changes: [] };
  const end = clock() + LASTING;
  const calling = async (): Promise<void> => {
    for (let round = 0; clock() < end; round += 1) {
      waits.calls.push(await call(field, agents, CALLING[round % CALLING.length] as number));
      await pause(BREAK);
    }
  };
  const changing = async (): Promise<void> => {
    for (let round = 0; clock() < end || round % 2 === 1; round += 1) {
      waits.changes.push(await change(field, round));
      await pause(BREAK);
    }
  };
  await Promise.all([calling(), changing()]);
  return waits;
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const layout: Layout = { peers: 2 * scaled(CIDRS) + 2, perCidr: 2, associations: scaled(CIDRS) };
  const others = layout.peers + 2 * scaled(CIDRS);
  layout.renames = Math.max(0, 2 * Math.floor((scaled(RECORDS) - others) / 2));
  const field = await Field.create({ layout });
  const askers = await Child.bundled('askers');
  const agents = new Map<number, Agent>();
  const rounds: { [mode: string]: Waits[] } = { alone: [], one: [], four: [] };
  try {
    await field.connect(22);
    say(`questions: the log has ${field.served.position} records`);
    const during = async (count: number): Promise<Waits> => {
      const numbers = ASKING.slice(0, count);
      const { served } = field;
      if (count > 0)
        await askers.ask('start', { served, layout, numbers, admin: count > 1 } satisfies Asking);
      const waits = await listen(field, agents);
      const heard = await askers.ask<Heard>('stop');
      if (count > 0)
        say(
          `questions: ${count} asking, ${heard.answers} answers, ${heard.refusals} refused, ${heard.bytes} bytes`,
        );
      await pause(2_000);
      return waits;
    };
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const [mode, count] of Object.entries({ alone: 0, one: 1, four: 4 })) {
        const waits = await during(count);
        if (round > 0) rounds[mode]?.push(waits);
      }
  } finally {
    for (const agent of agents.values()) agent.destroy();
    await askers.stop();
    await field.close();
  }
  return figuresOf(rounds);
};

const figuresOf = (rounds: { [mode: string]: Waits[] }): Measured[] =>
  (['one', 'four'] as const).flatMap((mode) =>
    (['calls', 'changes'] as const).flatMap((kind) =>
      [median, p99].map((of) => {
        const sample = (which: string): number[] => (rounds[which] ?? []).map((waits) => of(waits[kind]));
        const what = kind === 'calls' ? 'a call' : 'a change in force';
        const name = `${what} while ${mode} ask${mode === 'one' ? 's' : ''}, ${of === median ? 'median' : 'p99'}`;
        return beside({ name, unit: 'ms' }, sample(mode), sample('alone'), { atMost: 2 });
      }),
    ),
  );

export const questions: Row = {
  name: 'questions',
  what: "another peer's call, and a change in force, while one and four peers ask the log the hardest; yardstick: without",
  measure,
};
