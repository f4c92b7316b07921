/** TCP by the relay beside TCP by the direct way, and what the relay's program takes for it: by the kernel, and by the program. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beside, type Measured, type Row } from './figure.ts';
import { LEAST_BY_KERNEL, RelayScene } from './relay-scene.ts';
import { interleave } from './sample.ts';
import { PATHS, type Path } from './scene.ts';

const ROUNDS = 4;
const SECONDS = 4;
const PORT = 5001;
/** Linux counts a process's time in these. */
const TICKS_A_SECOND = 100;

/** Seconds of processor time of a process so far, its threads included. */
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
};

type Rate = { megabits: number; cpuPerGigabyte: number };

const rateOf = async (scene: RelayScene): Promise<Rate> => {
  const { ann, bob } = scene;
  const program = [process.execPath, resolve('bench/bare/steady-tcp.js')];
  const taking = bob.machine.host.spawn([...program, 'take', String(PORT)]);
  await taking.line(/ready/);
  const before = cpuOf(scene.serverPid);
  await ann.machine.host.sure([...program, 'send', bob.address, String(PORT), '0', String(SECONDS)]);
  const bytes = Number((await taking.line(/took/)).split(' ')[1]);
  await taking.stop();
  return {
    megabits: (bytes * 8) / 1e6 / SECONDS,
    cpuPerGigabyte: (cpuOf(scene.serverPid) - before) / (bytes / 1e9),
  };
};

type By = 'kernel' | 'program';

const measureBy = async (by: By, say: (progress: string) => void) => {
  const path = PATHS[0] as Path;
  const scene = await RelayScene.withBoth({ path, ports: ['keep', 'keep'], hasNft: by === 'kernel' });
  try {
    await scene.waitFor('direct');
    const direct = await scene.places();
    await scene.backToRelay();
    const cpu: number[] = [];
    const before = await scene.passed();
    const [relayed = [], bare = []] = await interleave(ROUNDS, [
      async () => {
        await scene.placeAt([scene.relay, scene.relay]);
        const rate = await rateOf(scene);
        cpu.push(rate.cpuPerGigabyte);
        return rate.megabits;
      },
      async () => {
        await scene.placeAt(direct);
        return (await rateOf(scene)).megabits;
      },
    ]);
    const after = await scene.passed();
    const [kernel, program] = [after.kernel - before.kernel, after.program - before.program];
    say(`relay-rate: by the ${by}: the kernel passed ${kernel} packets, ${program} came up to the program`);
    if (by === 'kernel' && kernel < LEAST_BY_KERNEL * (kernel + program))
      throw new Error(`the kernel passed ${kernel} packets, but ${program} came up to the program`);
    return { relayed, bare, cpu: cpu.slice(1) };
  } finally {
    await scene.close();
  }
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const kernel = await measureBy('kernel', say);
  const program = await measureBy('program', say);
  return [
    beside(
      { name: 'TCP by the relay, kernel; yardstick: direct', unit: 'Mbit/s' },
      kernel.relayed,
      kernel.bare,
      {
        atLeast: 0.85,
      },
    ),
    beside(
      { name: 'TCP by the relay, program; yardstick: direct', unit: 'Mbit/s' },
      program.relayed,
      program.bare,
      {
        atLeast: 0,
      },
    ),
    beside(
      { name: 'CPU of the relay’s program, kernel; yardstick: program', unit: 's/GB' },
      kernel.cpu,
      program.cpu,
      {
        atMost: 0.2,
      },
    ),
  ];
};

export const relayRate: Row = {
  name: 'relay-rate',
  what: 'TCP by the relay; yardstick: direct. CPU of the relay’s program where the kernel passes data; yardstick: where it does',
  measure,
};
