/** The start of a verb that only asks, `innernet list-cidrs`, from the command line to its answer, on a peer's machine. */
import { resolve } from 'node:path';
import { beside, type Measured, type Row } from './figure.ts';
import { interleave, timed } from './sample.ts';
import { DEVICE, PATHS, Scene } from './scene.ts';

const ROUNDS = 15;

const measure = async (): Promise<Measured[]> => {
  const [path] = PATHS;
  if (!path) throw new Error('there is no path');
  const scene = await Scene.create(path);
  try {
    const { host } = scene.ann.machine;
    const node = (...args: string[]) => timed(() => host.sure([process.execPath, ...args]));
    const program = resolve('dist/innernet.js');
    const [ours = [], yardstick = [], asking = []] = await interleave(ROUNDS, [
      () => node(program, 'list-cidrs', DEVICE),
      () => node('-e', '0'),
      () => node(program, '--version'),
    ]);
    return [
      beside({ name: 'innernet list-cidrs', unit: 'ms' }, ours, yardstick, { atMost: 2.5 }),
      beside({ name: 'innernet --version', unit: 'ms' }, asking, yardstick, { atMost: 2.5 }),
    ];
  } finally {
    await scene.close();
  }
};

export const verb: Row = {
  name: 'verb',
  what: 'start of a verb that only asks, to its answer; yardstick: node -e 0',
  measure,
};
