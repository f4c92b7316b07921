/** The figures as a table for people. */
import type { Measured } from './figure.ts';
import { ends, type Sample } from './sample.ts';

const digits = (value: number): string => {
  if (Number.isNaN(value)) return '-';
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
};

const withEnds = (middle: number | null, sample: Sample): string =>
  middle === null ? '-' : `${digits(middle)} (${ends(sample).map(digits).join('–')})`;

const MET = new Map([
  [true, 'yes'],
  [false, 'NO'],
]);

const cells = ({ figure, values, yardsticks }: Measured): string[] => [
  figure.name,
  withEnds(figure.value, values),
  figure.unit,
  withEnds(figure.yardstick, yardsticks),
  figure.ratio === null ? '-' : figure.ratio.toFixed(2),
  figure.goal,
  figure.met === null ? '-' : (MET.get(figure.met) ?? '-'),
];

const HEAD = ['figure', 'median (least–greatest)', 'unit', 'yardstick', 'ratio', 'goal', 'met'];

/** Lines of equal columns, two spaces apart. */
export const tableOf = (measured: readonly Measured[]): string => {
  const lines = [HEAD, ...measured.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
