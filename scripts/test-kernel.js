// Runs the package's tests on a booted kernel, in a virtual machine under qemu: node scripts/test-kernel.js [12|13]
// @ts-check
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isolated } from './bare-debian.js';
import { elapsed, lastLines, record } from './debian-result.js';
import { diskOf } from './kernel-disk.js';

const HELP = `usage: npm run test:kernel [12|13] [-- OPTIONS]

  --fresh    make the disk again, with the packages of today
  --record   write how it went into docs/reliability.md`;

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @param {string} sentence
 * @returns {never}
 */
const stop = (sentence) => {
  console.error(`test-kernel: ${sentence}`);
  process.exit(1);
};

const read = () => {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        fresh: { type: 'boolean', default: false },
        record: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return stop(/** @type {Error} */ (error).message);
  }
};

/** Ends what was started, whatever ends this program. */
const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stopped.abort());

/**
 * @param {'12' | '13'} release
 * @param {string} log
 * @param {{ fresh: boolean, record: boolean }} values
 */
const tryOut = async (release, log, { fresh, ...values }) => {
  const disk = await diskOf(release, { isFresh: fresh, signal: stopped.signal });
  const start = performance.now();
  // In a process namespace, which takes the emulator along however this ends; with its files in the folder that goes too.
  const env = { ...process.env, KERNEL_DISK: disk, TMPDIR: dirname(log) };
  const vitest = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'kernel'];
  const code = await isolated([process.execPath, ...vitest], { log, signal: stopped.signal, env });
  stopped.signal.throwIfAborted();
  const lines = lastLines(log, Number.POSITIVE_INFINITY);
  const [, machine] = /^machine: (.*)$/m.exec(lines.join('\n')) ?? [];
  const tests = lines.find((line) => /^ *Tests /.test(line))?.trim() ?? 'no test ran';
  if (values.record)
    record(`Kernel of Debian ${release}: ${machine}, emulated by qemu`, [
      '$ npm run test:kernel',
      tests,
      `exit ${code} after ${elapsed(start)}, the disk made before`,
    ]);
  return code;
};

const { values, positionals } = read();
if (values.help) {
  console.log(HELP);
  process.exit();
}
const [release = '12', ...more] = positionals;
if (!['12', '13'].includes(release) || more.length > 0) stop('say 12 or 13');
if (process.arch !== 'x64')
  stop('the virtual machine is of amd64, and the package is for this machine, which is not');
if (spawnSync('unshare', ['--mount', 'true']).status !== 0)
  stop('this makes the disk in a mount namespace, which is not allowed here');
const folder = mkdtempSync(join(tmpdir(), 'innernet-kernel-'));
const log = join(folder, 'log');
writeFileSync(log, '');
try {
  process.exitCode = await tryOut(/** @type {'12' | '13'} */ (release), log, values);
} catch (error) {
  console.error(`test-kernel: ${stopped.signal.aborted ? 'stopped' : /** @type {Error} */ (error).message}`);
  process.exitCode = stopped.signal.aborted ? 130 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
