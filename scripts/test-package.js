// Installs what the tests of the packages need beyond the others', and runs them: node scripts/test-package.js [filter…]
// @ts-check
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A systemd to run under, and the shells and readers for which something is made. */
const packages = ['systemd', 'man-db', 'mandoc', 'zsh', 'fish'];

/** @param {string} name */
const isInstalled = (name) => {
  const { stdout } = spawnSync('dpkg-query', ['-s', name], { encoding: 'utf8' });
  return stdout?.includes('Status: install ok installed') ?? false;
};

/**
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
const run = (program, args, env = {}) => {
  const { status } = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exit(status ?? 1);
};

const missing = packages.filter((name) => !isInstalled(name));
if (missing.length > 0) {
  console.error(`test-package: installing the Debian packages ${missing.join(', ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '--no-install-recommends', ...missing], {
    DEBIAN_FRONTEND: 'noninteractive',
  });
}
/** With every shell and reader there, the tests of what is made for them leave none out. */
const all = ['test/package', 'test/e2e/completions.test.ts', 'test/cli/manual.test.ts'];
const filters = process.argv.slice(2);
run('npx', ['vitest', 'run', ...(filters.length > 0 ? filters : all)]);
