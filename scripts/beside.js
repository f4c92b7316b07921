// Rows of the benchmark of two versions in turns: node scripts/beside.js FOLDER [--rounds 20] [--only storm]…
//
// FOLDER is a checkout of the other version with its node_modules. Each round runs every row once in both, the order
// turning round by round, so that both meet the same neighbours; a ratio is ours by theirs, of one round.
// @ts-check
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const own = fileURLToPath(new URL('..', import.meta.url));

/** The most that a figure, by the beginning of its name, may be of the other version's. */
const GOALS = {
  '5,000 clients return': 1.2,
  'invitation to first ping': 1.1,
  'change in force': 1.1,
  'memory of an idle client': 1.1,
  'memory for an idle client': 1.1,
};
const ROWS = ['storm', 'join', 'change', 'daemon', 'idle', 'verb'];
/** What a row repeats within itself is repeated by the rounds here; `join` needs three, one for each of its ways. */
const REPEATS = [1, 3];

/** @typedef {{ name: string, value: number, unit: string }} Figure */

/** @param {string} folder */
const prepare = (folder) => {
  const script = `import('./scripts/build.js').then(async ({ build, bundleForRun }) => {
    await build(); process.stdout.write(await bundleForRun(require('node:path').resolve('bench/program.ts'), 'beside'));
  })`;
  const bundle = execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' });
  const text = readFileSync(bundle, 'utf8');
  for (const most of REPEATS)
    writeFileSync(
      `${bundle}-${most}.js`,
      text.replace(
        /^var (\w*ROUNDS\d*) = (\d+);$/gm,
        (_line, name, count) => `var ${name} = ${Math.min(most, Number(count))};`,
      ),
    );
  return { folder, bundle };
};

/**
 * @param {ReturnType<typeof prepare>} version
 * @param {string} row
 * @returns {Figure[]}
 */
const measure = ({ folder, bundle }, row) =>
  JSON.parse(
    execFileSync(process.execPath, [`${bundle}-${row === 'join' ? 3 : 1}.js`, '--json', '--only', row], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 2 ** 26,
    }),
  );

/** @param {number[]} sample */
const median = (sample) => {
  const sorted = [...sample].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
};

/** @param {number[]} sample */
const told = (sample) =>
  `${median(sample).toFixed(2)} (${Math.min(...sample).toFixed(2)}–${Math.max(...sample).toFixed(2)})`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '20' },
    only: { type: 'string', multiple: true, default: ROWS },
  },
});
const [other] = positionals;
if (!other) {
  console.error('beside: name the folder of the other version: node scripts/beside.js FOLDER');
  process.exit(2);
}

const [ours, theirs] = [prepare(own), prepare(resolve(other))];
/** @type {Map<string, { unit: string, ours: number[], theirs: number[], ratios: number[] }>} */
const samples = new Map();
for (let round = 1; round <= Number(values.rounds); round += 1)
  for (const row of values.only) {
    const begin = performance.now();
    const isTurned = round % 2 === 0;
    const first = measure(isTurned ? theirs : ours, row);
    const second = measure(isTurned ? ours : theirs, row);
    const [mine, yours] = isTurned ? [second, first] : [first, second];
    for (const { name, unit, value } of mine) {
      const match = yours.find((figure) => figure.name === name);
      if (!match) continue;
      const sample = samples.get(name) ?? { unit, ours: [], theirs: [], ratios: [] };
      samples.set(name, sample);
      sample.ours.push(value);
      sample.theirs.push(match.value);
      sample.ratios.push(value / match.value);
    }
    const medians = mine.map(({ name }) => `${name} ${median(samples.get(name)?.ratios ?? []).toFixed(2)}`);
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    console.error(`beside: round ${round}: ${row}, ${seconds} s; ratios so far: ${medians.join(', ')}`);
  }

console.log('| figure | theirs | ours | ratio | goal | |\n|---|---|---|---|---|---|');
for (const [name, { unit, ours: mine, theirs: yours, ratios }] of samples) {
  const goal = Object.entries(GOALS).find(([beginning]) => name.startsWith(beginning))?.[1];
  const isMet = goal === undefined || median(ratios) <= goal;
  if (!isMet) process.exitCode = 1;
  console.log(
    `| ${name}, ${unit} | ${told(yours)} | ${told(mine)} | ${told(ratios)} | ${goal ? `≤ ${goal}` : ''} | ${isMet ? '' : 'MISSED'} |`,
  );
}
