// R10: clients in numbers, each on a socket of its own, lose their server at one moment, three times: all are level again.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { crowdsFor, Field } from '../../bench/load/field.ts';
import { renames } from '../../bench/peers.ts';
import { roundsOr, sayTried } from '../torture/seed.ts';

const RESTARTS = 3;
const MEBIBYTE = 2 ** 20;
/** What the server may need, whatever the number of its clients: a multiple of what 5,000 take, in MiB. */
const MAX_MEMORY = 600;
/** Commits of which some clients have not heard when the server dies. */
const RECENT = 20;
const SECONDS = 300;

/** The largest resident memory of the server while something goes on, in MiB. */
const peakDuring = async (field: Field, work: Promise<unknown>): Promise<number> => {
  let isOver = false;
  let peak = 0;
  const watching = (async () => {
    while (!isOver) {
      peak = Math.max(peak, (await field.usage()).rss / MEBIBYTE);
      await pause(100);
    }
  })();
  await work.finally(() => {
    isOver = true;
  });
  await watching;
  return peak;
};

it('R10: all come back over real sockets, without a snapshot, and the memory is bounded', {
  timeout: 3_600_000,
}, async () => {
  const count = roundsOr(150);
  const field = await Field.create({ layout: { peers: count, perCidr: 50 }, crowds: crowdsFor(count) });
  onTestFinished(() => field.close());
  await field.connect(count);
  const tried = new Map([['clients', count]]);
  let welcomes = 0;
  let most = 0;
  for (let round = 1; round <= RESTARTS; round += 1) {
    await field.executeAll(renames(RECENT));
    await field.forget();
    await field.kill();
    await field.start();
    const begin = performance.now();
    // Everybody hears of this one, whatever is in his sight.
    const { position } = await field.execute({ type: 'RenameCidr', cidr: 'c0', name: `c0-${round}` });
    const reached = field.reach(position, { seconds: SECONDS });
    const peak = await peakDuring(field, reached);
    const { tally } = await reached;
    tried.set(`ms until level after restart ${round}`, Math.round(performance.now() - begin));
    tried.set(`MiB of the server at most after restart ${round}`, Math.round(peak));
    expect(tally).toMatchObject({ live: count, snapshots: 0, breaches: 0 });
    await field.execute({ type: 'RenameCidr', cidr: `c0-${round}`, name: 'c0' });
    welcomes += tally.welcomes;
    most = Math.max(most, peak);
  }
  tried.set('welcomes', welcomes);
  sayTried('R10, real sockets', tried);
  expect(welcomes).toBeGreaterThanOrEqual(count * RESTARTS);
  expect(most).toBeLessThan(MAX_MEMORY);
});
