// Some seconds of what `npm run soak` does for long: joins, leaves, moves, cuts, restarts; then all is as the log says.
import { expect, it } from 'vitest';
import { soak } from '../soak/soak.ts';
import { seed } from '../torture/seed.ts';

it(`after much coming and going every device is what the log says (seed ${seed})`, {
  timeout: 300_000,
}, async () => {
  const said: string[] = [];
  const wrong = await soak({ minutes: 0.3, seed, guests: 2, crowd: 4, say: (line) => said.push(line) });
  expect(wrong, said.join('\n')).toEqual([]);
});
