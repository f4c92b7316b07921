/**
 * Lives with a network for long: npm run soak -- --minutes 30 --seed 42
 * Real programs over real WireGuard come, go, move and are cut off; at the end every device must be what the log
 * says, and what the programs hold in memory and open must have stayed flat. The curves are printed.
 */
import { parseArgs } from 'node:util';
import { soak } from '../test/soak/soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string' },
    guests: { type: 'string', default: '4' },
    crowd: { type: 'string', default: '12' },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
console.log(`soak: ${values.minutes} min, seed ${seed}`);
const wrong = await soak({
  minutes: Number(values.minutes),
  seed,
  guests: Number(values.guests),
  crowd: Number(values.crowd),
  say: (line) => console.log(`soak: ${line}`),
}).catch((error: Error) => [error.stack ?? error.message]);
for (const what of wrong) console.log(`soak: WRONG: ${what}`);
console.log(wrong.length === 0 ? 'soak: held' : `soak: failed; again with --seed ${seed}`);
process.exit(wrong.length === 0 ? 0 : 1);
