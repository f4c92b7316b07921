/**
 * Tries the faults of test/torture/catalogue.ts for as long as wanted: npm run torture -- R7 --rounds 1000 --seed 42
 * With --sabotage it breaks, in a copy, the line that each fault's tests depend on, and wants to see them fail.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULTS, type Fault, SLOW } from '../test/torture/catalogue.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    sabotage: { type: 'boolean', default: false },
  },
});
const seed = values.seed ?? String(Date.now() % 2 ** 31);
const chosen = [...FAULTS, ...SLOW].filter(({ id }) => positionals.length === 0 || positionals.includes(id));
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
    result.tried.push(...said.split('\n').filter((line) => /^torture:|again with/.test(line)));
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
const sabotage = (fault: Fault): boolean => {
  const { id, sabotage: wrong } = fault;
  if (!wrong) {
    console.log(`${id}: no line to break`);
    return true;
  }
  const folder = mkdtempSync(join(tmpdir(), 'innernet-sabotage-'));
  try {
    for (const name of [
      'src',
      'test',
      'scripts',
      'migrations',
      'package.json',
      'tsconfig.json',
      'vitest.config.ts',
    ])
      cpSync(join(root, name), join(folder, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const file = join(folder, wrong.file);
    const text = readFileSync(file, 'utf8');
    if (!text.includes(wrong.line)) throw new Error(`${wrong.file} has no line "${wrong.line}"`);
    writeFileSync(
      file,
      text.replace(wrong.line, () => wrong.becomes),
    );
    const { passed, summary } = run(fault, folder, 'short', false);
    console.log(`${id} ${passed ? 'NOT SEEN' : 'seen red'}: ${wrong.file}: ${wrong.line}`);
    if (passed) console.log(`  ${summary}`);
    return !passed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

console.log(`torture: seed ${seed}, faults ${chosen.map(({ id }) => id).join(' ')}`);
const failed = chosen.filter((fault) => !(values.sabotage ? sabotage(fault) : tryFault(fault)));
console.log(
  failed.length === 0 ? 'all held' : `failed: ${failed.map(({ id }) => id).join(' ')}; seed ${seed}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
