/** Several rounds of the same measurement: their middle, their ends, and how they are taken. */

export type Sample = readonly number[];

/** The middle value; of an even count the mean of the two in the middle. NaN of none. */
export const median = (sample: Sample): number => {
  const sorted = [...sample].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
};

/** Least and greatest. */
export const ends = (sample: Sample): [number, number] => [Math.min(...sample), Math.max(...sample)];

type Measure = () => number | Promise<number>;

/**
 * Takes each measurement once a round, so that whatever else the machine does meets all of them; the order turns
 * round by round. The first round only warms up and is not kept. Gives one sample for each measurement.
 */
export const interleave = async (rounds: number, measures: readonly Measure[]): Promise<number[][]> => {
  const samples = measures.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    const order = [...measures.keys()];
    if (round % 2 === 1) order.reverse();
    for (const index of order) {
      const value = (await measures[index]?.()) ?? Number.NaN;
      if (round > 0) samples[index]?.push(value);
    }
  }
  return samples;
};

/** Milliseconds that something takes. */
export const timed = async (work: () => unknown): Promise<number> => {
  const begin = performance.now();
  await work();
  return performance.now() - begin;
};
