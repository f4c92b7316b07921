// How often and with which chance a torture test tries: TORTURE_ROUNDS and TORTURE_SEED, as `npm run torture` sets them.

export const seed = Number(process.env.TORTURE_SEED ?? Date.now() % 2 ** 31);

/** Rounds of the long form, or those of the short one. */
export const roundsOr = (short: number): number => Number(process.env.TORTURE_ROUNDS ?? short);

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export const diceOf = (start: number): (() => number) => {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** What was tried and what came of it, in one line that `npm run torture` passes on. */
export const sayTried = (what: string, counts: ReadonlyMap<string, number>): void => {
  const parts = [...counts].map(([name, count]) => `${count} ${name}`);
  process.stderr.write(`torture: ${what}: ${parts.join(', ')}; again with TORTURE_SEED=${seed}\n`);
};
