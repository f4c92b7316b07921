/** From an invitation to the first answered ping, and from there to a running peer's first ping to the newcomer. */
import { alone, type Measured, type SceneRow } from './figure.ts';
import type { Scene } from './scene.ts';

/** A round takes about two seconds. */
const ROUNDS = 6;

type Round = { joining: number; meeting: number };

/** A running peer has pinged the newcomer's address all the while. */
const expected = async (scene: Scene): Promise<Round> => {
  const invited = await scene.invite();
  const meeting = scene.ann.machine.reaches(invited.address);
  meeting.catch(() => {}); // awaited below, after an installation that may fail
  const { peer, installBegan, installEnded, reachedServer } = await scene.install(invited);
  const met = await meeting;
  await scene.goLive(peer);
  return { joining: reachedServer - installBegan, meeting: Math.max(0, met - installEnded) };
};

/** One of the two pings the other as soon as the newcomer's `install` has returned. */
const greeted =
  (first: 'running' | 'newcomer') =>
  async (scene: Scene): Promise<Round> => {
    const { peer, installBegan, installEnded, reachedServer } = await scene.install(await scene.invite());
    const { ann } = scene;
    const met = await (first === 'running'
      ? ann.machine.reaches(peer.address)
      : peer.machine.reaches(ann.address));
    await scene.goLive(peer);
    return { joining: reachedServer - installBegan, meeting: met - installEnded };
  };

/** In a real network nobody arranges who pings first. */
const WAYS = [expected, greeted('running'), greeted('newcomer')];

const measure = async (scene: Scene): Promise<Measured[]> => {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const way = WAYS[round % WAYS.length];
    if (way) rounds.push(await way(scene));
  }
  const joining = rounds.map((round) => round.joining);
  const meeting = rounds.map((round) => round.meeting);
  const { oneWayMs } = scene.path;
  return [
    alone({ name: 'invitation to first ping', unit: 'ms' }, joining, 300 + 10 * oneWayMs),
    // Its goal holds where there is no way to speak of: an answer alone takes two ways.
    alone({ name: 'joined to first ping', unit: 'ms' }, meeting, oneWayMs === 0 ? 50 : undefined),
  ];
};

export const join: SceneRow = {
  name: 'join',
  what: 'invitation to first answered ping of the server; from the end of install to a ping between peers',
  measure,
};
