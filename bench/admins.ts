/** Commands of 50 admins at once, at `execute`: how many become durable in a second. */

import { rate } from './append.ts';
import { alone, beside, type Measured, type Row } from './figure.ts';
import { Bench } from './log.ts';
import { interleave, median } from './sample.ts';
import { withFolder } from './scratch.ts';

const ROUNDS = 9;
const ADMINS = 50;
const ENOUGH = 3_000;

const measure = (): Promise<Measured[]> =>
  withFolder(async (folder) => {
    const bench = await Bench.create(folder);
    try {
      const [many = [], one = []] = await interleave(ROUNDS, [
        () => rate(bench, ADMINS * 20, ADMINS),
        () => rate(bench, ADMINS, 1),
      ]);
      const named = { name: `commands of ${ADMINS} admins at once`, unit: 'commits/s' };
      // Whichever is lower on this disk.
      if (median(many) >= ENOUGH) return [{ ...alone(named, many), figure: enough(alone(named, many)) }];
      return [beside(named, many, one, { atLeast: 3 })];
    } finally {
      await bench.close();
    }
  });

const enough = ({ figure }: Measured): Measured['figure'] => ({
  ...figure,
  goal: `≥ ${ENOUGH} commits/s`,
  met: true,
});

export const admins: Row = {
  name: 'admins',
  what: 'durable commands a second of 50 admins at once: 3,000, or three times our single append',
  measure,
};
