// Builds innernet 2.0's programs, once, and runs the tests that let them meet ours: node scripts/interop.js [filter…]
//
// They are another project's: they are built from crates.io into the user's cache folder, and nothing of them comes
// into this repository. A program that cannot be had is a failure, never a skipped test.
// @ts-check
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The release that is met. */
const VERSION = '2.0.0';

/** Debian packages that their build asks for. */
const buildPackages = ['libsqlite3-dev', 'libclang-dev', 'clang', 'pkg-config'];

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'innernet-interop', VERSION);
const programs = ['innernet', 'innernet-server'];

/** @param {string} sentence */
const say = (sentence) => console.error(`interop: ${sentence}`);

/**
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
const run = (program, args, env = {}) =>
  spawnSync(program, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status === 0;

/**
 * @param {string} sentence
 * @returns {never}
 */
const stop = (sentence) => {
  say(sentence);
  process.exit(1);
};

/** @param {string} name */
const isBuilt = (name) => {
  const { stdout } = spawnSync(join(cache, 'bin', name), ['--version'], { encoding: 'utf8' });
  return stdout?.trim() === `${name} ${VERSION}`;
};

const cargo = () => {
  for (const path of ['cargo', join(homedir(), '.cargo/bin/cargo')])
    if (spawnSync(path, ['--version']).status === 0) return path;
  return stop('cargo is needed to build innernet and is not here; see https://rustup.rs');
};

/** @param {string} name */
const isInstalled = (name) => {
  const { stdout } = spawnSync('dpkg-query', ['-s', name], { encoding: 'utf8' });
  return stdout?.includes('Status: install ok installed') ?? false;
};

const installPackages = () => {
  const missing = buildPackages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  say(`installing Debian packages: ${missing.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const installed =
    run('apt-get', ['update', '-qq'], env) &&
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], env);
  if (!installed) stop('apt-get could not install them, see above');
};

const buildPrograms = () => {
  if (programs.every(isBuilt)) return;
  installPackages();
  say(`building innernet ${VERSION} into ${cache} (some minutes, once)`);
  mkdirSync(cache, { recursive: true });
  const crates = programs.map((name) => `${name}@${VERSION}`);
  run('nice', ['-n', '19', cargo(), 'install', '--locked', '--root', cache, ...crates]);
  if (!programs.every(isBuilt)) stop(`innernet ${VERSION} could not be built, see above`);
};

buildPrograms();
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const passed = run(process.execPath, [vitest, 'run', '--project', 'interop', ...process.argv.slice(2)], {
  INNERNET_RUST: join(cache, 'bin'),
});
process.exitCode = passed ? 0 : 1;
