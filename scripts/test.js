// Everything that `npm test` promises, one part after another: node scripts/test.js
//
// Says first what it will do and how long that takes. A part that fails does not keep the next from being tried.
// @ts-check
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

const PLAN = `test: builds dist/, then looks at types, lint and dead code (half a minute)
test: runs the unit tests (half a minute)
test: runs the end-to-end tests: the real programs, WireGuard between network namespaces (7 minutes)
test: this takes about 8 minutes on two quiet cores, and touches nothing outside of its own namespaces and temporary files`;

/** @typedef {{ name: string, program: string, args?: string[], env?: Record<string, string>, quiet?: boolean }} Part */

/** @param {string} name */
const installed = (name) => join(root, 'node_modules/.bin', name);

/** @type {Part} */
const build = { name: 'build', program: process.execPath, args: [join(root, 'scripts/build.js')] };

/** They say nothing unless they find something, so that they can run side by side.
 * @type {Part[]} */
const checks = [
  { name: 'types', program: installed('tsc'), quiet: true },
  { name: 'lint', program: installed('biome'), args: ['check', '--error-on-warnings'], quiet: true },
  { name: 'dead code', program: installed('knip'), quiet: true },
];

/** @type {Part} */
const tests = {
  name: 'tests',
  program: installed('vitest'),
  args: ['run', '--project', 'unit', '--project', 'e2e'],
  env: { SKIP_BUILD: '1' },
};

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();

/**
 * Runs a part to its end; whether it passed. A quiet one is heard only when it fails.
 * @param {Part} part
 * @returns {Promise<boolean>}
 */
const passes = ({ name, program, args = [], env = {}, quiet = false }) =>
  new Promise((resolve) => {
    const start = performance.now();
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['inherit', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit'],
    });
    running.add(child);
    /** @type {Buffer[]} */
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => said.push(chunk));
    child.on('error', (error) => said.push(Buffer.from(`${error.message}\n`)));
    child.on('close', (code) => {
      running.delete(child);
      if (code !== 0) process.stderr.write(Buffer.concat(said));
      const seconds = Math.round((performance.now() - start) / 1000);
      console.error(`test: ${name} ${code === 0 ? 'passed' : 'FAILED'} after ${seconds} s`);
      resolve(code === 0);
    });
  });

// On a terminal Ctrl-C reaches the children by itself.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exitCode = 1;
  });

console.error(PLAN);
if (await passes(build)) {
  const results = await Promise.all(checks.map(passes));
  // A signal that ended one part ends all.
  if (process.exitCode === undefined) results.push(await passes(tests));
  if (results.includes(false)) process.exitCode = 1;
} else process.exitCode = 1;
