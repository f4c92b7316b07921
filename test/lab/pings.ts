// What the answers to a row of pings say of the tunnel under them.

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
