/** From an invitation to the first answered ping, and from there to a running peer's first ping to the newcomer. */
import { alone, type Measured, type SceneRow } from './figure.ts';
import type { Scene } from './scene.ts';

/** A round takes about two seconds. */
const ROUNDS = 12;

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
const WAYS = [
  { name: 'the running peer has been pinging', carryOut: expected },
  { name: 'the running peer pings', carryOut: greeted('running') },
  { name: 'the newcomer pings', carryOut: greeted('newcomer') },
];

const measure = async (scene: Scene, say: (progress: string) => void): Promise<Measured[]> => {
  const rounds: Round[] = [];
  for (const { name, carryOut } of Array.from({ length: ROUNDS / WAYS.length }, () => WAYS).flat()) {
    const round = await carryOut(scene);
    rounds.push(round);
    const [joining, meeting] = [round.joining, round.meeting].map((time) => time.toFixed(0));
    say(`join: ${joining} ms to the server; ${name}, first answer after ${meeting} ms`);
  }
  const joining = rounds.map((round) => round.joining);
  const meeting = rounds.map((round) => round.meeting);
  const { oneWayMs } = scene.path;
  return [
    alone({ name: 'invitation to first ping', unit: 'ms' }, joining, 300 + 10 * oneWayMs),
    // A handshake and a ping take two ways each.
    alone({ name: 'joined to first ping', unit: 'ms' }, meeting, 50 + 4 * oneWayMs),
  ];
};

export const join: SceneRow = {
  name: 'join',
  what: 'invitation to first answered ping of the server; from the end of install to a ping between peers',
  measure,
};
