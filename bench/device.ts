/** A client and its device: 10,000 peers onto an empty one, and one changed peer among 100 to 10,000. */
import { resolve } from 'node:path';
import { Lab } from '../test/lab.ts';
import { beside, type Measured, type Row } from './figure.ts';
import { bundleOf, Child } from './load/orders.ts';
import { interleave } from './sample.ts';
import { scaled } from './scale.ts';
import { withFolder } from './scratch.ts';

const PEERS = 10_000;
const APPLY_ROUNDS = 5;
const SIZES = [100, 1_000, 10_000] as const;
const CHANGE_ROUNDS = 9;
const CHANGES = 40;

const fullApply = async (worker: Child, bare: Child): Promise<Measured> => {
  const peers = scaled(PEERS);
  let text = '';
  const [ours = [], yardstick = []] = await interleave(APPLY_ROUNDS, [
    async () => {
      const applied = await worker.ask<{ milliseconds: number; text: string }>('apply', { peers });
      text = applied.text;
      return applied.milliseconds;
    },
    async () => {
      const name = await worker.ask<string>('device');
      const milliseconds = await bare.ask<number>('write', { name, text });
      await worker.ask('drop', { name });
      return milliseconds;
    },
  ]);
  return beside({ name: `${peers} peers to an empty device`, unit: 'ms' }, ours, yardstick, { atMost: 1.5 });
};

type Cost = { cpu: number; wall: number };

const oneChange = async (worker: Child, folder: string): Promise<Measured[]> => {
  const sizes = SIZES.map(scaled);
  for (const peers of sizes) await worker.ask('client', { folder, peers });
  const walls = sizes.map((): number[] => []);
  const samples = await interleave(
    CHANGE_ROUNDS,
    sizes.map((peers, index) => async () => {
      const { cpu, wall } = await worker.ask<Cost>('change', { peers, count: CHANGES });
      walls[index]?.push(wall);
      return cpu;
    }),
  );
  await worker.ask('close');
  const [least = []] = samples;
  return sizes.flatMap((peers, index) =>
    index === 0
      ? []
      : [
          beside({ name: `client work a change, ${peers} peers`, unit: 'µs' }, samples[index] ?? [], least, {
            atMost: 1.5,
          }),
          beside(
            { name: `… until it is on the device, ${peers} peers`, unit: 'µs' },
            (walls[index] ?? []).slice(1),
            (walls[0] ?? []).slice(1),
            { atMost: 1.5 },
          ),
        ],
  );
};

const measure = (): Promise<Measured[]> =>
  withFolder(async (folder) => {
    const lab = await Lab.create();
    try {
      const host = await lab.host('client');
      const worker = new Child('client', host.fork(await bundleOf('wireguard-work')));
      const bare = new Child('bare client', host.fork(resolve('bench/bare/uapi.js')));
      return [await fullApply(worker, bare), ...(await oneChange(worker, folder))];
    } finally {
      await lab.close();
    }
  });

export const device: Row = {
  name: 'device',
  what: '10,000 peers to an empty device (yardstick: one UAPI write); a changed peer of 10,000 (yardstick: of 100)',
  measure,
};
