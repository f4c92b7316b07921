// Waiting in tests for something to be so.
import { setTimeout } from 'node:timers/promises';

/**
 * Looks again and again until something is so; throws after `seconds`. Looks that start programs are as far apart as
 * they take, so that half of the time is left to what is waited for.
 */
export const until = async (what: string, isSo: () => Promise<boolean>, seconds = 20): Promise<void> => {
  const deadline = performance.now() + seconds * 1000;
  for (let start = performance.now(); !(await isSo()); start = performance.now()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await setTimeout(Math.min(500, Math.max(20, performance.now() - start)));
  }
};
