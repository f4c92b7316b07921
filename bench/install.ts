/** `install` where ten live peers are: until it returns. It ends when its first tunnels answer. */
import { alone, atLeast, type Measured, type Row } from './figure.ts';
import { repeated } from './scale.ts';
import { DEVICE, type Invited, PATHS, type Path, Scene } from './scene.ts';

/** The admin and these. */
const OTHERS = 9;
/** NetBird's `up` takes 350. */
const GOAL_MS = 500;
const GOAL_PERCENT = 99;

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const scene = await Scene.create(PATHS[0] as Path);
  try {
    for (let number = 0; number < OTHERS; number++) {
      const { peer } = await scene.install(await scene.invite());
      await scene.goLive(peer);
    }
    const times: number[] = [];
    let place: Invited | undefined;
    for (const count = repeated(20, 100); times.length < count; ) {
      const invited: Invited = await scene.invite(place?.machine);
      place = invited;
      const { begin, end } = await invited.machine.type(
        'innernet',
        'install',
        invited.invitation,
        '--default-name',
      );
      times.push(end - begin);
      say(`install: ${(end - begin).toFixed(0)} ms`);
      await invited.machine.type('innernet', 'uninstall', DEVICE, '--yes');
      await scene.command({ type: 'DisablePeer', peer: invited.name });
    }
    const inTime = (times.filter((time) => time <= GOAL_MS).length / times.length) * 100;
    const longest = Math.max(...times);
    const share = { name: `… of ${times.length} within ${GOAL_MS} ms`, unit: '%' };
    return [
      alone({ name: 'install with ten live peers', unit: 'ms' }, times, GOAL_MS),
      atLeast(share, inTime, GOAL_PERCENT),
      alone({ name: '… the longest', unit: 'ms' }, [longest]),
    ];
  } finally {
    await scene.close();
  }
};

export const install: Row = {
  name: 'install',
  what: 'install where ten live peers are, from its start until it returns; how many of them within half a second',
  measure,
};
