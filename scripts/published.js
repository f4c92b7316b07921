// Packages of the npm registry exactly as they were published: fetched by npm, and held against the hash that we keep.
// @ts-check
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What was fetched once is kept here; it is looked at again each time. */
export const CACHE = join(root, 'node_modules/.cache/innernet');

/** @typedef {{ name: string, version: string, integrity: string }} Published `integrity`: `sha512-…`, as lockfiles have it */

/**
 * Runs a program to its end and answers with its stdout.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string> }} [options]
 */
export const sure = (program, args, { cwd = root, env = {} } = {}) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    cwd,
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
};

/** @param {string} file @param {string} integrity */
const holds = (file, integrity) => {
  const [algorithm = '', wanted] = integrity.split(/-(.*)/s);
  return createHash(algorithm).update(readFileSync(file)).digest('base64') === wanted;
};

/** @param {Published} published */
const fetched = ({ name, version, integrity }) => {
  mkdirSync(CACHE, { recursive: true });
  const kept = join(CACHE, `${name.replace('/', '-')}-${version}.tgz`);
  if (existsSync(kept) && holds(kept, integrity)) return kept;
  const folder = mkdtempSync(join(CACHE, 'fetched-'));
  try {
    sure('npm', ['pack', `${name}@${version}`, '--ignore-scripts', '--silent', '--pack-destination', folder]);
    const [file = ''] = readdirSync(folder);
    if (!holds(join(folder, file), integrity))
      throw new Error(`${name} ${version} is not what was published: its hash is not ${integrity}`);
    renameSync(join(folder, file), kept);
    return kept;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/**
 * Unpacks a package into a folder that does not exist yet. Throws where the registry's file has another hash.
 * @param {Published} published
 * @param {string} folder
 */
export const unpack = (published, folder) => {
  const file = fetched(published);
  mkdirSync(folder, { recursive: true });
  sure('tar', ['-xzf', file, '-C', folder, '--strip-components=1', '--no-same-owner']);
};

/** @type {{ packages: { [folder: string]: { version: string, integrity: string, license?: string } } }} */
const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));

/**
 * What the lockfile says of a package in a folder such as `node_modules/zod`.
 * @param {string} folder
 * @returns {Published & { license?: string }}
 */
export const locked = (folder) => {
  const entry = lockfile.packages[folder];
  if (!entry) throw new Error(`the lockfile knows nothing of ${folder}`);
  return { ...entry, name: folder.replace(/^.*node_modules\//, '') };
};
