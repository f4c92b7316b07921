/** Each kind of router before both peers, with the relay and without: joined to first ping, and whether the way is direct soon. */
import { until } from '../test/lab/until.ts';
import { alone, type Measured, type Row } from './figure.ts';
import { type Ports, RelayScene, type Unsolicited } from './relay-scene.ts';

const KINDS: readonly { name: string; ports: Ports; unsolicited: Unsolicited }[] = [
  { name: 'keep, drop', ports: 'keep', unsolicited: 'drop' },
  { name: 'keep, reject', ports: 'keep', unsolicited: 'reject' },
  { name: 'keep, accept', ports: 'keep', unsolicited: 'accept' },
  { name: 'symmetric', ports: 'random', unsolicited: 'drop' },
];
const PATH = { name: '20 ms each way', oneWayMs: 20 };
const DIRECT_WITHIN_SECONDS = 10;

type Say = (progress: string) => void;

const on = async (kind: (typeof KINDS)[number], relays: boolean, say: Say): Promise<Measured> => {
  const { ports, unsolicited } = kind;
  const scene = await RelayScene.create({ path: PATH, ports: [ports, ports], unsolicited, relays });
  try {
    const ann = await scene.join('ann');
    await scene.follow(ann);
    const invited = await scene.invite('bob');
    const { end } = await scene.install(invited);
    const met = await ann.machine.reaches(invited.side.address);
    await scene.follow(invited.side);
    const isDirect = await until('it is direct', () => scene.isBy('direct'), DIRECT_WITHIN_SECONDS).then(
      () => true,
      () => false,
    );
    const way = isDirect ? 'direct soon' : `not direct within ${DIRECT_WITHIN_SECONDS} s`;
    const name = `${kind.name}, ${relays ? 'with' : 'without'} the relay: joined to first ping`;
    say(`${name} ${(met - end).toFixed(0)} ms, ${way}`);
    return alone({ name, unit: 'ms' }, [met - end]);
  } finally {
    await scene.close();
  }
};

const measure = async (say: Say): Promise<Measured[]> => {
  const measured: Measured[] = [];
  for (const kind of KINDS) for (const relays of [true, false]) measured.push(await on(kind, relays, say));
  return measured;
};

export const relayNat: Row = {
  name: 'relay-nat',
  what: 'kinds of routers before both peers, with the relay and without: joined to first ping; 15 s is never',
  measure,
};
