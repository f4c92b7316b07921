// Makes a Debian package that needs no Node on the machine: node scripts/package.js [folder for the .deb]
//
// It carries a Node of its own, the bundled programs and the two native modules that they load. Its name is not
// `innernet`, so that no newer `innernet` of another origin counts as its upgrade. Beside it lies a list of what is in it.
// @ts-check
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { billOfMaterials } from './bill-of-materials.js';
import { build } from './build.js';
import { control, POSTINST, POSTRM, PRERM } from './debian-control.js';
import { copyright } from './licences.js';
import { locked, sure, unpack } from './published.js';
import { placeDatabaseModule, runtime } from './runtime.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const NAME = 'innernet-live';
const HOME = '/usr/lib/innernet';

/** Each program with its further names. */
const programs = { innernet: ['inn'], 'innernet-server': [] };

/** @typedef {{ name: string, version: string, description: string, license: string }} Manifest */
/** @type {Manifest} */
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * @param {string} path
 * @param {string | Uint8Array} content
 */
const put = (path, content, mode = 0o644) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
};

/**
 * @param {string} path
 * @param {string} target
 */
const link = (path, target) => {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
};

/** The native modules and what they load; the rest is in the bundles. */
const nativeModules = () => [
  'better-sqlite3',
  'bindings',
  'file-uri-to-path',
  'koffi',
  `@koromix/koffi-${process.platform}-${process.arch}`,
];

/**
 * What a module needs when it runs: no sources, no documents, nothing for another C library.
 * @param {string} module its folder
 * @param {string} path
 */
const isNeeded = (module, path) => {
  const parts = relative(module, path).split('/');
  if (
    parts.some((part) =>
      /^(deps|doc|tests?|vendor|musl_\w+|obj|obj\.target|\.deps|test_extension\.node)$/.test(part),
    )
  )
    return false;
  return statSync(path).isDirectory() || /\.(c?js|json|node)$|licen[cs]e/i.test(basename(path));
};

/**
 * As they were published, whatever was done to `node_modules` since; the database module is compiled.
 * @param {string} folder
 */
const placeModules = (folder) => {
  const unpacked = mkdtempSync(join(tmpdir(), 'innernet-modules-'));
  try {
    for (const name of nativeModules()) {
      const source = join(unpacked, name);
      unpack(locked(`node_modules/${name}`), source);
      cpSync(source, join(folder, name), { recursive: true, filter: (path) => isNeeded(source, path) });
    }
    const release = join(folder, 'better-sqlite3/build/Release');
    mkdirSync(release, { recursive: true });
    placeDatabaseModule(join(release, 'better_sqlite3.node'));
    return readFileSync(join(unpacked, 'better-sqlite3/deps/sqlite3/sqlite3.h'), 'utf8');
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
};

/** Node's program and licence, as they were published. @param {string} folder */
const placeRuntime = (folder) => {
  const unpacked = mkdtempSync(join(tmpdir(), 'innernet-runtime-'));
  try {
    unpack(runtime(), join(unpacked, 'node'));
    cpSync(join(unpacked, 'node/bin/node'), join(folder, 'node'));
    chmodSync(join(folder, 'node'), 0o755);
    return readFileSync(join(unpacked, 'node/LICENSE'), 'utf8');
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
};

/**
 * Resolves to the folders of the npm packages that are in the bundles, and to what was learned of the rest.
 * @param {string} folder the root of the package's files
 */
const placePrograms = async (folder) => {
  const home = join(folder, HOME);
  mkdirSync(home, { recursive: true });
  const bundled = await build({ folder: join(home, 'dist') });
  cpSync(join(root, 'migrations'), join(home, 'migrations'), { recursive: true });
  const licence = placeRuntime(home);
  const header = placeModules(join(home, 'node_modules'));
  const sqlite = /^#define SQLITE_VERSION\s+"([\d.]+)"/m.exec(header)?.[1] ?? 'unknown';
  const { name, version, description } = manifest;
  put(
    join(home, 'package.json'),
    `${JSON.stringify({ name, version, description, type: 'module' }, null, 2)}\n`,
  );
  for (const [program, aliases] of Object.entries(programs)) {
    const path = join(home, 'dist', `${program}.js`);
    put(path, readFileSync(path, 'utf8').replace(/^#!.*/, `#!${HOME}/node`), 0o755);
    for (const each of [program, ...aliases])
      link(join(folder, 'usr/bin', each), `../lib/innernet/dist/${program}.js`);
  }
  return {
    packages: [...bundled, ...nativeModules().map((name) => `node_modules/${name}`)],
    licence,
    sqlite,
  };
};

/** What each program says of itself: completions and manual page. @param {string} folder */
const placeWords = (folder) => {
  for (const [program, aliases] of Object.entries(programs)) {
    /** @param {string[]} args */
    const said = (...args) =>
      sure(join(folder, HOME, 'node'), [join(folder, HOME, 'dist', `${program}.js`), ...args]);
    put(join(folder, 'usr/share/bash-completion/completions', program), said('completions', 'bash'));
    put(join(folder, 'usr/share/zsh/vendor-completions', `_${program}`), said('completions', 'zsh'));
    put(join(folder, 'usr/share/fish/vendor_completions.d', `${program}.fish`), said('completions', 'fish'));
    put(join(folder, 'usr/share/man/man8', `${program}.8.gz`), gzipSync(said('manual'), { level: 9 }));
    for (const alias of aliases) {
      link(join(folder, 'usr/share/bash-completion/completions', alias), program);
      link(join(folder, 'usr/share/fish/vendor_completions.d', `${alias}.fish`), `${program}.fish`);
      link(join(folder, 'usr/share/man/man8', `${alias}.8.gz`), `${program}.8.gz`);
    }
  }
};

/** @param {string} folder */
const placeUnits = (folder) => {
  for (const name of readdirSync(join(root, 'packaging')).filter((file) =>
    /\.(service|target|timer)$/.test(file),
  ))
    put(join(folder, 'usr/lib/systemd/system', name), readFileSync(join(root, 'packaging', name)));
};

/** @typedef {Awaited<ReturnType<typeof placePrograms>>} Contents */

/**
 * @param {string} folder
 * @param {Contents} contents
 */
const placeDocuments = (folder, { packages, licence }) => {
  const documents = join(folder, 'usr/share/doc', NAME);
  const node = { place: `${HOME}/node`, version: runtime().version, licence };
  put(join(documents, 'copyright'), `${copyright(NAME, node, packages)}\n`);
  for (const name of ['README.md', 'SECURITY.md', 'CHANGELOG.md'])
    put(join(documents, name), readFileSync(join(root, name)));
  const docs = readdirSync(join(root, 'docs'), { recursive: true, withFileTypes: true });
  for (const file of docs.filter((entry) => entry.isFile())) {
    const path = join(file.parentPath, file.name);
    put(join(documents, relative(root, path)), readFileSync(path));
  }
};

/** @param {string} folder */
const placeControl = (folder) => {
  const sums = sure('sh', ['-c', `cd '${folder}' && find usr -type f -print0 | sort -z | xargs -0 md5sum`]);
  put(join(folder, 'DEBIAN/control'), control(NAME, manifest, folder));
  put(join(folder, 'DEBIAN/md5sums'), sums);
  put(join(folder, 'DEBIAN/postinst'), POSTINST, 0o755);
  put(join(folder, 'DEBIAN/prerm'), PRERM, 0o755);
  put(join(folder, 'DEBIAN/postrm'), POSTRM, 0o755);
};

/**
 * Every part of the package, with the hash of the file from which it comes.
 * @param {Contents} contents
 */
const partsOf = ({ packages, sqlite }) => [
  ...packages.map(locked),
  { ...runtime(), license: 'MIT' },
  // Its source is in that of better-sqlite3, whose hash covers it.
  { name: 'sqlite', version: sqlite, license: 'blessing', purl: `pkg:generic/sqlite@${sqlite}` },
];

/**
 * Makes the package in a folder, its bill of materials beside it (`….cdx.json`), and answers with its path. `compression` is what dpkg-deb understands.
 * @param {string} folder
 * @param {string[]} [compression]
 */
export const makePackage = async (folder, compression = ['-Zxz']) => {
  const staging = mkdtempSync(join(tmpdir(), 'innernet-package-'));
  try {
    chmodSync(staging, 0o755);
    const contents = await placePrograms(staging);
    placeWords(staging);
    placeUnits(staging);
    placeDocuments(staging, contents);
    placeControl(staging);
    mkdirSync(folder, { recursive: true });
    const [, architecture] = /^Architecture: (.*)$/m.exec(control(NAME, manifest, staging)) ?? [];
    const path = join(resolve(folder), `${NAME}_${manifest.version}_${architecture}.deb`);
    sure('dpkg-deb', ['--root-owner-group', ...compression, '--build', staging, path]);
    const { version, license } = manifest;
    const bill = billOfMaterials({ name: NAME, version, license, file: path }, partsOf(contents));
    writeFileSync(path.replace(/\.deb$/, '.cdx.json'), bill);
    return path;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = await makePackage(process.argv[2] ?? join(root, 'packages'));
  const installed = /^Installed-Size: (\d+)$/m.exec(sure('dpkg-deb', ['--info', path, 'control']))?.[1];
  const megabytes = (/** @type {number} */ bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  console.log(`${path}: ${megabytes(statSync(path).size)}, installed ${megabytes(Number(installed) * 1024)}`);
}
