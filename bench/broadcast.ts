/** From one commit to the last of thousands of live clients that has the frame, beside a bare broadcast. */
import { setTimeout as pause } from 'node:timers/promises';
import { beside, type Measured, type Row } from './figure.ts';
import { BareField } from './load/bare-field.ts';
import { Field } from './load/field.ts';
import { interleave } from './sample.ts';
import { scaled } from './scale.ts';

const ROUNDS = 9;
const COUNTS = [1_000, 5_000, 10_000] as const;
const MOST = 10_000;

/** Milliseconds for each client to say that it has applied the frame: that is not part of it. */
const settle = (clients: number): Promise<void> => pause(200 + clients / 10);

/** Renames a peer that everybody sees. */
export class Renaming {
  readonly #field: Field;
  #round = 0;

  constructor(field: Field) {
    this.#field = field;
  }

  async once(): Promise<{ last: number; whole: number }> {
    const names = ['p0', 'p0-b'];
    const peer = names[this.#round % 2];
    this.#round += 1;
    const { asked, committed, position } = await this.#field.execute({
      type: 'RenamePeer',
      peer,
      name: names[this.#round % 2],
    });
    const { times } = await this.#field.reach(position);
    const last = times.at(-1) ?? Number.NaN;
    return { last: last - committed, whole: last - asked };
  }
}

type Setting = { field: Field; bare: BareField; renaming: Renaming };

const measureAt = async (clients: number, { field, bare, renaming }: Setting) => {
  await field.forget();
  await renaming.once();
  const { bytes } = await field.tally();
  const size = Math.round(bytes / clients);
  await settle(clients);
  const [ours = [], yardstick = []] = await interleave(ROUNDS, [
    async () => {
      const { last } = await renaming.once();
      await settle(clients);
      return last;
    },
    async () => {
      const last = (await bare.broadcast(size)).at(-1) ?? Number.NaN;
      await settle(clients);
      return last;
    },
  ]);
  return beside({ name: `commit to last of ${clients} clients`, unit: 'ms' }, ours, yardstick, {
    atMost: 1.3,
  });
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const layout = { peers: scaled(MOST), perCidr: scaled(MOST) };
  const field = await Field.create({ layout });
  const bare = await BareField.create(layout);
  const renaming = new Renaming(field);
  const measured: Measured[] = [];
  try {
    let connected = 0;
    for (const count of COUNTS.map(scaled)) {
      await field.connect(count - connected);
      await bare.connect(count - connected);
      connected = count;
      say(`broadcast: ${count} clients of each kind are connected`);
      await settle(count);
      measured.push(await measureAt(count, { field, bare, renaming }));
    }
    return measured;
  } finally {
    await field.close();
    await bare.close();
  }
};

export const broadcast: Row = {
  name: 'broadcast',
  what: 'one commit to the last of 1,000, 5,000, 10,000 clients; yardstick: ws sends the same bytes to as many',
  measure,
};
