/** The relay's program is killed under pings; and a relayed pair that was silent for long is pinged once. */
import { setTimeout as pause } from 'node:timers/promises';
import { alone, type Measured, type Row } from './figure.ts';
import { Pings, RelayScene } from './relay-scene.ts';
import { repeated } from './scale.ts';

const KILLED_FOR_MS = 60_000;
const PATH = { name: '20 ms each way', oneWayMs: 20 };

const measureKilled = async (scene: RelayScene, say: (progress: string) => void): Promise<Measured> => {
  const pings = new Pings(scene, 0.02);
  await pings.areAnswered();
  await scene.killServer();
  await pause(KILLED_FOR_MS);
  const { sent, lost } = await pings.end();
  say(`relay-gone: its program killed: ${lost} of ${sent} pings lost in ${KILLED_FOR_MS / 1000} s`);
  await scene.serve();
  return alone({ name: 'relay’s program killed: pings lost in 60 s', unit: 'packets' }, [lost], 1);
};

const measureIdle = async (scene: RelayScene, say: (progress: string) => void): Promise<Measured> => {
  const seconds = repeated(190, 600);
  say(`relay-gone: silent for ${seconds} s`);
  await pause(seconds * 1000);
  const { ann, bob } = scene;
  const said = await ann.machine.host.sure(['ping', '-n', '-c', '1', '-W', '15', bob.address]);
  const time = Number(/time=([\d.]+)/.exec(said)?.[1]);
  const name = `relayed, silent for ${seconds} s: one ping, ${scene.path.name}`;
  return alone({ name, unit: 'ms' }, [time], 2 * scene.roundTrip + 50);
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const scene = await RelayScene.withBoth({ path: PATH, ports: ['random', 'random'] });
  try {
    await scene.waitFor('relay');
    const killed = await measureKilled(scene, say);
    return [killed, await measureIdle(scene, say)];
  } finally {
    await scene.close();
  }
};

export const relayGone: Row = {
  name: 'relay-gone',
  what: 'the relay’s program is killed under pings; a relayed pair is silent for long, then one ping',
  measure,
};
