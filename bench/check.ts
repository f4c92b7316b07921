/** `--check`: the ratios of this run beside the committed ones. For people: what a machine does besides is in it. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Figure } from './figure.ts';

const COMMITTED = 'bench/committed.json';
/** A ratio may be so much worse than the committed one. */
const MARGIN = 1.6;

type Committed = { [name: string]: { ratio: number; goal: string } };

const committed = (): Committed => JSON.parse(readFileSync(COMMITTED, 'utf8')) as Committed;

/** Keeps the ratios of a run, beside those of rows that it did not measure. */
export const commit = (figures: readonly Figure[]): void => {
  const all = committed();
  for (const { name, ratio, goal } of figures)
    if (ratio !== null && Number.isFinite(ratio)) all[name] = { ratio: Math.round(ratio * 100) / 100, goal };
  const sorted = Object.fromEntries(Object.entries(all).sort(([left], [right]) => (left < right ? -1 : 1)));
  writeFileSync(COMMITTED, `${JSON.stringify(sorted, null, 2)}\n`);
};

/** One sentence for each ratio that is far worse than the committed one. */
export const regressions = (figures: readonly Figure[], known = committed()): string[] =>
  figures.flatMap(({ name, ratio, goal }) => {
    const before = known[name]?.ratio;
    if (ratio === null || before === undefined) return [];
    const factor = goal.startsWith('≥') ? before / ratio : ratio / before;
    return factor <= MARGIN
      ? []
      : [`${name}: ${ratio.toFixed(2)} × its yardstick, ${before.toFixed(2)} when it was committed`];
  });
