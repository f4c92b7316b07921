/** What clients cost that are merely there: memory for each, and the processor's time for 5,000, beside bare `ws`. */
import { setTimeout as pause } from 'node:timers/promises';
import { beside, type Measured, type Row } from './figure.ts';
import { BareField } from './load/bare-field.ts';
import { Field } from './load/field.ts';
import { interleave } from './sample.ts';
import { scaled } from './scale.ts';

/** Clients come in so many steps: each gives a figure of the memory. */
const STEPS = 5;
const CLIENTS = 5_000;
const IDLE_ROUNDS = 3;
/** Half a heartbeat: half of the clients are pinged meanwhile. */
const WATCHED_MS = 10_000;

type Sides = { field: Field; bare: BareField };

/** Bytes of the server for each client that comes. */
const memory = async ({ field, bare }: Sides): Promise<Measured> => {
  const step = scaled(CLIENTS / STEPS);
  const grow = async (side: Field | BareField): Promise<number> => {
    const before = await side.usage(true);
    await side.connect(step);
    await pause(500);
    const after = await side.usage(true);
    return (after.rss - before.rss) / step / 1024;
  };
  const [ours = [], yardstick = []] = await interleave(STEPS - 1, [() => grow(field), () => grow(bare)]);
  return beside({ name: 'memory for an idle client', unit: 'KiB' }, ours, yardstick, { atMost: 1.5 });
};

/** Parts of a core that a server takes while nothing happens. */
const processor = async ({ field, bare }: Sides): Promise<Measured> => {
  const ours: number[] = [];
  const yardstick: number[] = [];
  for (let round = 0; round < IDLE_ROUNDS; round++) {
    const before = await Promise.all([field.usage(), bare.usage()]);
    await pause(WATCHED_MS);
    const after = await Promise.all([field.usage(), bare.usage()]);
    ours.push((after[0].cpu - before[0].cpu) / WATCHED_MS / 10);
    yardstick.push((after[1].cpu - before[1].cpu) / WATCHED_MS / 10);
  }
  const name = `CPU with ${scaled(CLIENTS)} idle clients`;
  return beside({ name, unit: '% of a core' }, ours, yardstick, { atMost: 1.5 });
};

const measure = async (): Promise<Measured[]> => {
  const layout = { peers: scaled(CLIENTS), perCidr: 50 };
  const field = await Field.create({ layout });
  const bare = await BareField.create(layout);
  const sides = { field, bare };
  try {
    return [await memory(sides), await processor(sides)];
  } finally {
    await field.close();
    await bare.close();
  }
};

export const idle: Row = {
  name: 'idle',
  what: 'memory for an idle client, CPU with 5,000 of them; yardstick: ws with as many, and the same pings',
  measure,
};
