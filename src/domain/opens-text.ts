/** What the two ends of a pair may begin, in lines for people. */
import { type Allow, allowsText } from '../values/opening.ts';

/** By the first, and by the other; undefined: everything. */
export type Opens = [Allow[], Allow[]] | undefined;

type Names = readonly [string, string];

const wayOf = ([left, right]: Names, at: 0 | 1): string =>
  at === 0 ? `${left} → ${right}` : `${right} → ${left}`;

const textOf = (opens: Opens, at: 0 | 1): string => (opens ? allowsText(opens[at]) : 'everything');

const ENDS = [0, 1] as const;

/** `ann – oven`; where it is limited, `ann → oven: tcp 631` for each end that may begin something. */
export const opensLines = (names: Names, opens: Opens): string[] => {
  const pair = names.join(' – ');
  if (opens === undefined) return [pair];
  const lines = ENDS.filter((at) => opens[at].length > 0).map(
    (at) => `${wayOf(names, at)}: ${textOf(opens, at)}`,
  );
  return lines.length > 0 ? lines : [`${pair}: they see each other, and may begin nothing`];
};

/** `ann → oven: tcp 631, before that everything` for each end that may begin something else. */
export const turnedLines = (names: Names, before: Opens, after: Opens): string[] =>
  ENDS.filter((at) => textOf(before, at) !== textOf(after, at)).map(
    (at) => `${wayOf(names, at)}: ${textOf(after, at)}, before that ${textOf(before, at)}`,
  );
