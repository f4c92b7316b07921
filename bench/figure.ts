/** What a row of the bench hands in: figures, each beside its yardstick and its goal. */
import { median, type Sample } from './sample.ts';
import type { Scene } from './scene.ts';

/** One figure as `--json` prints it; `yardstick` and `ratio` are null where the goal is an absolute one. */
export type Figure = {
  name: string;
  /** Median of the rounds. */
  value: number;
  unit: string;
  /** The yardstick's own value in the same run, in the same unit. */
  yardstick: number | null;
  /** Median of value / yardstick, round by round. */
  ratio: number | null;
  goal: string;
  /** Null where there is no goal: the figure is for information. */
  met: boolean | null;
};

/** A figure and the rounds that it comes from. */
export type Measured = { figure: Figure; values: Sample; yardsticks: Sample; curve?: Curve };

/** What a figure looks like over time or size. */
export type Curve = { name: string; points: [number, number][] };

/** A number that we promise, or a few that come out of one run. */
export type Row = {
  /** What `--only` names. */
  name: string;
  /** One line for `--help`. */
  what: string;
  measure: (say: (progress: string) => void) => Promise<Measured[]>;
};

/** A row over real WireGuard, measured on each path between hosts. */
export type SceneRow = Omit<Row, 'measure'> & {
  measure: (scene: Scene, say: (progress: string) => void) => Promise<Measured[]>;
};

type Named = { name: string; unit: string };

/** A figure beside its yardstick, one value of each a round; `bound` is the goal for the ratio. */
export const beside = (
  { name, unit }: Named,
  values: Sample,
  yardsticks: Sample,
  bound: { atLeast?: number; atMost?: number },
): Measured => {
  const ratio = median(values.map((value, round) => value / (yardsticks[round] ?? Number.NaN)));
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = bound;
  const goal = bound.atMost === undefined ? `≥ ${atLeast} × yardstick` : `≤ ${atMost} × yardstick`;
  const met = ratio >= atLeast && ratio <= atMost;
  const figure = { name, value: median(values), unit, yardstick: median(yardsticks), ratio, goal, met };
  return { figure, values, yardsticks };
};

/** A figure with an absolute goal, or none: `below` is in the figure's unit. */
export const alone = ({ name, unit }: Named, values: Sample, below?: number): Measured => {
  const value = median(values);
  const goal = below === undefined ? 'for information' : `< ${below} ${unit}`;
  const met = below === undefined ? null : value < below;
  return {
    figure: { name, value, unit, yardstick: null, ratio: null, goal, met },
    values,
    yardsticks: [],
  };
};

/** A single value with an absolute goal that more is better for. */
export const atLeast = ({ name, unit }: Named, value: number, least: number): Measured => ({
  figure: {
    name,
    value,
    unit,
    yardstick: null,
    ratio: null,
    goal: `≥ ${least} ${unit}`,
    met: value >= least,
  },
  values: [value],
  yardsticks: [],
});
