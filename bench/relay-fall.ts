/** The direct way dies, in one direction or both: the longest silence under pings, and the time until it is direct again. */
import { setTimeout as pause } from 'node:timers/promises';
import { alone, type Measured, type Row } from './figure.ts';
import { Pings, RelayScene, type Side, timeUntil } from './relay-scene.ts';
import { repeated } from './scale.ts';

const GOAL = { gap: 2000, healed: 10_000 };
/** WireGuard renews a session after 120 s: the relay does not know the new one. */
const RENEWED_AFTER_MS = 130_000;
/** Fifty a second. */
const EVERY_SECONDS = 0.02;

/** The side's router passes nothing on towards the other one. */
const cut = async ({ router }: Side, other: Side): Promise<void> => {
  const rule = `ip daddr ${other.router.address} drop`;
  const input = `table ip cut { chain way { type filter hook forward priority 0; ${rule}; }; }\n`;
  await router.sure(['nft', '-f', '-'], { input });
};

const heal = ({ router }: Side): Promise<string> => router.sure(['nft', 'delete', 'table', 'ip', 'cut']);

const once = async (scene: RelayScene, from: readonly Side[], directForMs = 2000) => {
  const { ann, bob } = scene;
  // The third fall within ten minutes of one run is followed by a rest.
  await scene.backToRelay();
  await scene.followBoth();
  await scene.waitFor('direct');
  await pause(directForMs);
  const pings = new Pings(scene, EVERY_SECONDS);
  await pings.areAnswered();
  for (const side of from) await cut(side, side === ann ? bob : ann);
  await scene.waitFor('relay');
  await pause(1000);
  for (const side of from) await heal(side);
  const healed = await timeUntil('the way is direct again', () => scene.isBy('direct'));
  const { gaps } = await pings.end();
  return { gap: Math.max(...gaps), healed };
};

const measure = async (say: (progress: string) => void): Promise<Measured[]> => {
  const path = { name: '20 ms each way', oneWayMs: 20 };
  const scene = await RelayScene.withBoth({ path, ports: ['keep', 'keep'] });
  try {
    const measured: Measured[] = [];
    for (const [what, from] of [
      ['one way', [scene.ann]],
      ['both ways', [scene.ann, scene.bob]],
    ] as const) {
      const rounds: { gap: number; healed: number }[] = [];
      for (const count = repeated(3, 10); rounds.length < count; ) {
        const round = await once(scene, from);
        rounds.push(round);
        say(
          `cut ${what}: silent for ${round.gap.toFixed(0)} ms, direct again ${round.healed.toFixed(0)} ms after it healed`,
        );
      }
      const [gaps, healed] = [rounds.map(({ gap }) => gap), rounds.map((round) => round.healed)];
      measured.push(
        alone({ name: `direct way cut ${what}: without traffic`, unit: 'ms' }, gaps, GOAL.gap),
        alone({ name: '… healed, until direct again', unit: 'ms' }, healed, GOAL.healed),
      );
    }
    const { gap } = await once(scene, [scene.ann, scene.bob], RENEWED_AFTER_MS);
    say(`cut after the session was renewed directly: silent for ${gap.toFixed(0)} ms`);
    const renewed = { name: 'the same, the session renewed on the direct way', unit: 'ms' };
    return [...measured, alone(renewed, [gap], GOAL.gap)];
  } finally {
    await scene.close();
  }
};

export const relayFall: Row = {
  name: 'relay-fall',
  what: 'the direct way is cut one way and both ways: the longest silence, and until direct again once it heals',
  measure,
};
