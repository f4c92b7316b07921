// Builds dist, then runs a TypeScript program of this repository: node scripts/run.js bench/program.ts --json
//
// Its bundle lies in dist/ too, so that what it imports from src/ finds migrations and workers as the real
// programs do. The next `npm run build` removes it.
// @ts-check
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, bundleForRun } from './build.js';

const [source, ...args] = process.argv.slice(2);
if (!source) {
  console.error('run: name a file, for example: node scripts/run.js bench/program.ts');
  process.exit(2);
}
await build({ keepOldChunks: true });
const bundle = await bundleForRun(resolve(source), `run-${basename(source).replace(/\.[jt]s$/, '')}`);
process.argv = [process.argv[0] ?? 'node', bundle, ...args];
await import(pathToFileURL(bundle).href);
