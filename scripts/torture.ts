/**
 * Tries the faults of test/torture/catalogue.ts for as long as wanted: npm run torture -- R7 --rounds 1000 --seed 42
 * With --sabotage it breaks, in a copy, the line that each fault's tests depend on, and wants to see them fail.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULTS, type Fault, OTHERS, type Sabotage } from '../test/torture/catalogue.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    sabotage: { type: 'boolean', default: false },
  },
});
const seed = values.seed ?? String(Date.now() % 2 ** 31);
const chosen = [...FAULTS, ...OTHERS].filter(
  ({ id }) => positionals.length === 0 || positionals.includes(id),
);
const root = resolve('.');

type Run = { passed: boolean; tried: string[]; summary: string };

/** Each file with its own pattern: a pattern of one must not choose among another's tests. */
const run = (fault: Fault, folder: string, form: 'short' | 'long', skipBuild: boolean): Run => {
  const result: Run = { passed: true, tried: [], summary: '' };
  for (const { file, titles, rounds: long, variable = 'TORTURE_ROUNDS', isLong } of fault.tests) {
    if (isLong && form === 'short') continue;
    const rounds = form === 'long' && long ? (values.rounds ?? String(long)) : undefined;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/vitest/vitest.mjs'), 'run', file, ...(titles ? ['-t', titles] : [])],
      {
        cwd: folder,
        encoding: 'utf8',
        maxBuffer: 2 ** 30,
        env: {
          ...process.env,
          NO_COLOR: '1',
          TORTURE_SEED: seed,
          PROPERTY_SEED: seed,
          ...(rounds ? { [variable]: rounds } : {}),
          ...(form === 'long' ? { TORTURE_LONG: '1' } : {}),
          ...(skipBuild ? { SKIP_BUILD: '1' } : {}),
        },
      },
    );
    const said = `${stdout}\n${stderr}`;
    const [, summary = 'no tests were run'] = /^\s*Tests\s+(.*)$/m.exec(said) ?? [];
    if (status !== 0) {
      result.passed = false;
      if (!values.sabotage) process.stdout.write(`${said.slice(-20_000)}\n`);
    }
    result.tried.push(...said.split('\n').filter((line) => /^(torture|victim):|again with/.test(line)));
    result.summary += `${result.summary && '; '}${file}: ${rounds ? `${rounds} rounds, ` : ''}${summary}`;
  }
  return result;
};

const tryFault = (fault: Fault): boolean => {
  const start = performance.now();
  const { passed, tried, summary } = run(fault, root, 'long', true);
  const seconds = Math.round((performance.now() - start) / 1000);
  for (const line of tried) console.log(`  ${line}`);
  console.log(`${fault.id} ${passed ? 'held' : 'FAILED'}: ${fault.what} (${seconds} s)`);
  console.log(`  ${summary}`);
  return passed;
};

/** The copy gets its own build, since many tests run what is in dist/. */
const isSeen = (fault: Fault, { file, line, becomes }: Sabotage): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'innernet-sabotage-'));
  try {
    for (const name of [
      'src',
      'test',
      'scripts',
      'migrations',
      'docs',
      'package.json',
      'tsconfig.json',
      'vitest.config.ts',
    ])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(line)) throw new Error(`${file} has no line "${line}"`);
    writeFileSync(
      path,
      text.replace(line, () => becomes),
    );
    const { passed, summary } = run(fault, folder, 'short', false);
    console.log(`${fault.id} ${passed ? 'NOT SEEN' : 'seen red'}: ${file}: ${line}`);
    console.log(`  ${summary}`);
    return !passed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const sabotage = (fault: Fault): boolean => {
  if (fault.sabotages.length === 0) console.log(`${fault.id}: no line to break`);
  return fault.sabotages.map((wrong) => isSeen(fault, wrong)).every(Boolean);
};

console.log(`torture: seed ${seed}, faults ${chosen.map(({ id }) => id).join(' ')}`);
const failed = chosen.filter((fault) => !(values.sabotage ? sabotage(fault) : tryFault(fault)));
console.log(
  failed.length === 0 ? 'all held' : `failed: ${failed.map(({ id }) => id).join(' ')}; seed ${seed}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
