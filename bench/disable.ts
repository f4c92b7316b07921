/** From a peer's disabling until it is gone from the other peers' devices and the server's. */
import { alone, type Measured, type SceneRow } from './figure.ts';
import { DEVICE, delaysAfter, type Scene } from './scene.ts';

const ROUNDS = 4;

/** A newcomer, live as the others are, is cut off; ann is the one who sees it. */
const cutOff = async (scene: Scene): Promise<{ peers: number; server: number }> => {
  const { peer } = await scene.install(await scene.invite());
  await scene.goLive(peer);
  const { ann, server } = scene;
  await Promise.all([ann.machine, server].map((machine) => machine.sees(DEVICE, peer.key, true)));
  const gone = [ann.machine, server].map((machine) => machine.sees(DEVICE, peer.key, false));
  const command = { type: 'DisablePeer', peer: peer.name };
  const [peers = Number.NaN, atServer = Number.NaN] = await delaysAfter(gone, () => scene.command(command));
  return { peers, server: atServer };
};

const measure = async (scene: Scene): Promise<Measured[]> => {
  const rounds: Awaited<ReturnType<typeof cutOff>>[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await cutOff(scene));
  const limit = 50 + 3 * scene.path.oneWayMs;
  return [
    alone(
      { name: 'disabled: gone from peers', unit: 'ms' },
      rounds.map(({ peers }) => peers),
      limit,
    ),
    alone(
      { name: 'disabled: gone from the server', unit: 'ms' },
      rounds.map(({ server }) => server),
      limit,
    ),
  ];
};

export const disable: SceneRow = {
  name: 'disable',
  what: "a peer is disabled: gone from the other peers' devices and the server's",
  measure,
};
