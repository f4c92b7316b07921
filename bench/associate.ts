/** From an association to both peers' WireGuard, and to the first ping between two peers that are running. */
import { alone, type Measured, type SceneRow } from './figure.ts';
import { DEVICE, delaysAfter, type Peer, type Scene } from './scene.ts';

/** Each of the two pings in every other round: who pings must not matter. */
const ROUNDS = 6;

const cidrs = ['solo', 'far'];

const meet = async (scene: Scene, from: Peer, to: Peer): Promise<{ inForce: number; ping: number }> => {
  const effects = [
    from.machine.sees(DEVICE, to.key, true),
    to.machine.sees(DEVICE, from.key, true),
    from.machine.reaches(to.address),
  ];
  const delays = await delaysAfter(effects, () => scene.command({ type: 'AddAssociation', cidrs }));
  const [here = Number.NaN, there = Number.NaN, ping = Number.NaN] = delays;
  return { inForce: Math.max(here, there), ping };
};

const part = async (scene: Scene, one: Peer, other: Peer): Promise<void> => {
  const gone = [one.machine.sees(DEVICE, other.key, false), other.machine.sees(DEVICE, one.key, false)];
  await delaysAfter(gone, () => scene.command({ type: 'DeleteAssociation', cidrs }));
};

const measure = async (scene: Scene): Promise<Measured[]> => {
  const { bob, cam } = scene;
  const rounds: Awaited<ReturnType<typeof meet>>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push(await (round % 2 === 0 ? meet(scene, bob, cam) : meet(scene, cam, bob)));
    await part(scene, bob, cam);
  }
  const inForce = rounds.map((round) => round.inForce);
  const pings = rounds.map((round) => round.ping);
  return [
    alone({ name: 'association in force at both', unit: 'ms' }, inForce, 50 + 3 * scene.path.oneWayMs),
    alone({ name: 'association to first ping', unit: 'ms' }, pings, 500),
  ];
};

export const associate: SceneRow = {
  name: 'associate',
  what: "an association to both peers' WireGuard, and to the first ping between the two running peers",
  measure,
};
