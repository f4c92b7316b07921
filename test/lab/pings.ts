// What the answers to a row of pings say of the tunnel under them.
import { until } from './until.ts';

/**
 * Unanswered pings in a row, 50 ms apart, from which on a tunnel counts as broken. Fewer prove nothing: on a busy
 * machine wireguard-go drops up to three in a row by itself, with nobody touching it (19 of 1,200 in one minute, while
 * the line below it dropped none). A device made anew, or a session begun anew, costs more.
 */
export const BROKEN = 6;

/** The most pings in a row that got no answer, however late, among those before the last answered one. */
export const missedInARow = (answered: Iterable<number>): number => {
  let last = 0;
  let most = 0;
  for (const number of [...new Set(answered)].sort((a, b) => a - b)) {
    most = Math.max(most, number - last - 1);
    last = number;
  }
  return most;
};

/** The number of each answered ping in what `ping -n` has printed. */
export const answeredIn = (lines: string): number[] =>
  [...lines.matchAll(/bytes from .*icmp_seq=(\d+)/g)].map(([, number]) => Number(number));

/** The most pings in a row that got no answer while something was done; `answered` tells of those so far. */
export const missedDuring = async (
  answered: () => Promise<number[]>,
  act: () => Promise<void>,
): Promise<number> => {
  await until('pings are answered', async () => (await answered()).length > 0, 60);
  await act();
  // What was asked before this moment has been answered when something that was asked later is.
  const enough = (await answered()).length + 20;
  await until('pings go on', async () => (await answered()).length > enough, 60);
  return missedInARow(await answered());
};
