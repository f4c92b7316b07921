/** Two peers behind routers that change ports: from the start of `install`, and from its end, to the first ping. */
import { alone, type Measured, type Row } from './figure.ts';
import { RelayScene } from './relay-scene.ts';
import { repeated } from './scale.ts';
import { PATHS, type Path } from './scene.ts';

const DISTANCES: readonly Path[] = [...PATHS, { name: '20 ms each way', oneWayMs: 20 }];

type Say = (progress: string) => void;

const on = async (path: Path, say: Say): Promise<Measured[]> => {
  const scene = await RelayScene.create({ path, ports: ['random', 'random'] });
  try {
    const ann = await scene.join('ann');
    await scene.follow(ann);
    const [whole, rest]: [number[], number[]] = [[], []];
    for (const count = repeated(5, 20); whole.length < count; ) {
      const invited = await scene.invite(`new${whole.length}`);
      const { begin, end } = await scene.install(invited);
      const met = await ann.machine.reaches(invited.side.address);
      whole.push(met - begin);
      rest.push(met - end);
      say(
        `relay-meet, ${path.name}: install took ${(end - begin).toFixed(0)} ms, first ping ${(met - end).toFixed(0)} ms later`,
      );
      await scene.follow(invited.side);
    }
    return [
      alone(
        { name: `by the relay: joined to first ping, ${path.name}`, unit: 'ms' },
        rest,
        (path.oneWayMs === 0 ? 100 : 50) + 2 * scene.roundTrip,
      ),
      alone(
        { name: `by the relay: install to first ping, ${path.name}`, unit: 'ms' },
        whole,
        path.oneWayMs === 0 ? 500 : undefined,
      ),
    ];
  } finally {
    await scene.close();
  }
};

const measure = async (say: Say): Promise<Measured[]> => {
  const measured: Measured[] = [];
  for (const path of DISTANCES) measured.push(...(await on(path, say)));
  return measured;
};

export const relayMeet: Row = {
  name: 'relay-meet',
  what: 'both routers change ports: start and end of install, to a running peer’s first answered ping',
  measure,
};
