// The Node of the Debian package, and the database module made for it: both from files whose hashes are known here.
// @ts-check
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, locked, sure, unpack } from './published.js';

/** The newest of the line on which the tests run; a new one is a new version here, with the hashes of its packages. */
const VERSION = '20.20.2';

/** SHA-256 of the packages, in hexadecimal as `sha256sum` shows it. @type {{ [arch: string]: string }} */
const SHA256 = {
  x64: 'c3e7aaf69557617ff16376e83078daf2e862f086399b32b341f68ebcd5e72781',
  arm64: '22f39737865492ba68bf7aa0f01f3af5b0ed5d9144b75a0ad52459c32d447998',
};

/** The package that holds Node for this machine: program, headers, licence. */
export const runtime = () => {
  const hash = SHA256[process.arch];
  if (hash === undefined) throw new Error(`no Node is pinned for ${process.arch}: see scripts/runtime.js`);
  const integrity = `sha256-${Buffer.from(hash, 'hex').toString('base64')}`;
  return { name: `node-linux-${process.arch}`, version: VERSION, integrity };
};

/** What the module depends on: whenever one of these is another, it is made anew. */
const fingerprint = () =>
  createHash('sha256')
    .update([runtime().integrity, locked('node_modules/better-sqlite3').integrity].join(' '))
    .update(sure('c++', ['--version']))
    .digest('hex')
    .slice(0, 16);

/**
 * Puts the database module into a file: SQLite and its binding, compiled from the source that the lockfile's hash covers,
 * with the headers of the pinned Node. No binary of anybody else is taken. It takes a minute or more, once.
 * @param {string} path
 */
export const placeDatabaseModule = (path) => {
  const kept = join(CACHE, `better_sqlite3-${fingerprint()}.node`);
  mkdirSync(CACHE, { recursive: true });
  if (!existsSync(kept)) {
    const folder = mkdtempSync(join(CACHE, 'made-'));
    try {
      const [source, node] = [join(folder, 'better-sqlite3'), join(folder, 'node')];
      unpack(locked('node_modules/better-sqlite3'), source);
      unpack(runtime(), node);
      console.error('package: compiling SQLite and its binding from source');
      sure('npm', ['run', 'build-release', '--silent'], { cwd: source, env: { npm_config_nodedir: node } });
      renameSync(join(source, 'build/Release/better_sqlite3.node'), kept);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  copyFileSync(kept, path);
};
