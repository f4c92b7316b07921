/** The strip of bars over the slider: how many events fell into each part of the log. */

/** `places` in [0, 1]; the share of the fullest part for each of `count` parts. */
export const barsOf = (places: Iterable<number>, count: number): number[] => {
  const bars = new Array<number>(count).fill(0);
  for (const place of places) {
    const bar = Math.min(count - 1, Math.max(0, Math.floor(place * count)));
    bars[bar] = (bars[bar] ?? 0) + 1;
  }
  const most = bars.reduce((highest, bar) => Math.max(highest, bar), 0);
  return bars.map((bar) => (most === 0 ? 0 : bar / most));
};
