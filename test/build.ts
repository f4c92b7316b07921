// Builds dist before the tests, because workers and end-to-end tests run what users run.
import { build } from '../scripts/build.js';

/** Called by vitest once a run. `SKIP_BUILD=1` takes dist as it is. */
export async function setup(): Promise<void> {
  if (process.env.SKIP_BUILD) return;
  await build({ keepOldChunks: true });
}
