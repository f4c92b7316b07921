// The regression guard of the bench: it compares ratios, in the direction that is worse.
import { expect, it } from 'vitest';
import { regressions } from '../bench/check.ts';
import type { Figure } from '../bench/figure.ts';

const figure = (ratio: number | null, goal: string): Figure => ({
  name: 'one',
  value: 1,
  unit: 'ms',
  yardstick: 1,
  ratio,
  goal,
  met: true,
});

const known = { one: { ratio: 1.2, goal: '' } };

it('a ratio that has grown far beyond the committed one is named', () => {
  expect(regressions([figure(2.5, '≤ 3 × yardstick')], known)).toEqual([
    'one: 2.50 × its yardstick, 1.20 when it was committed',
  ]);
  expect(regressions([figure(1.6, '≤ 3 × yardstick')], known)).toEqual([]);
});

it('where more is better, less is worse', () => {
  expect(regressions([figure(0.5, '≥ 0.7 × yardstick')], known)).toHaveLength(1);
  expect(regressions([figure(5, '≥ 0.7 × yardstick')], known)).toEqual([]);
});

it('what has no ratio, or is new, is passed over', () => {
  expect(regressions([figure(null, '< 5 ms'), { ...figure(9, '≤ 1'), name: 'new' }], known)).toEqual([]);
});
