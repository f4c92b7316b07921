// Bundles the programs into dist/: they start faster, and what is published needs no compiler.
//
// Two conventions for code that asks where it is (import.meta.url), true in src/ and in dist/ alike:
// - migrations are not bundled. Walk up from import.meta.url to the first folder that holds
//   migrations/001_log.sql: the repository's from src/store/, the package's from dist/.
// - dist/ is flat: whichever chunk a module ends up in, './past-thread.js' is beside it.
// @ts-check

import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { licencesOf } from './licences.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

/** What is bundled together shares its chunks. Programs get a shebang and mode 0755; the others are loaded by them. */
const server = [
  { out: 'innernet-server', source: 'src/server/program.ts', program: true },
  { out: 'past-thread', source: 'src/server/past/past-thread.ts', program: false },
  { out: 'prompts', source: '@inquirer/prompts', program: false },
];
const client = [{ out: 'innernet', source: 'src/client/program.ts', program: true }];
const entryPoints = [...server, ...client];

// Bundled CommonJS packages (fastify, ws, commander) call require for Node's own modules.
const banner = [
  `import { createRequire as bundleRequire } from 'node:module';`,
  `const require = bundleRequire(import.meta.url);`,
].join('\n');

/** @satisfies {esbuild.BuildOptions} */
const bundling = /** @type {const} */ ({
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  banner: { js: banner },
  legalComments: 'none',
  logLevel: 'warning',
  write: false,
});

/** zod brings its messages in fifty languages; every program would read them at each start and show none. */
const englishOnly = /** @satisfies {esbuild.Plugin} */ ({
  name: 'english-only',
  setup: (build) => {
    build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export {};',
    }));
  },
});

/** Half of the client's code, and needed only where somebody sits at a terminal. */
const promptsApart = /** @satisfies {esbuild.Plugin} */ ({
  name: 'prompts-apart',
  setup: (build) => {
    build.onResolve({ filter: /^@inquirer\/prompts$/ }, ({ kind }) =>
      kind === 'entry-point' ? undefined : { path: './prompts.js', external: true },
    );
  },
});

/**
 * In the page nothing is parsed: what it gets was parsed by the program that sends it. There a schema is only its shape, and
 * zod stays out, half of the page's bytes.
 */
const shapesOnly = /** @satisfies {esbuild.Plugin} */ ({
  name: 'shapes-only',
  setup: (build) => {
    build.onResolve({ filter: /^zod$/ }, () => ({ path: 'zod', namespace: 'shapes-only' }));
    build.onLoad({ filter: /.*/, namespace: 'shapes-only' }, () => ({ contents: SHAPES }));
  },
});

const SHAPES = `
  const schema = (own) => new Proxy(own, {
    get: (_, key) => key === 'extend' ? (more) => schema({ shape: { ...own.shape, ...more } })
      : key in own ? own[key] : key === 'parse' || key === 'safeParse' ? undefined : () => schema(own),
  });
  const plain = () => schema({});
  export const object = (shape) => schema({ shape });
  export const union = (options) => schema({ options });
  export const discriminatedUnion = (_, options) => schema({ options });
  export const literal = (value) => schema({ value });
  export { object as strictObject, object as looseObject, plain as string, plain as number, plain as boolean, plain as array,
    plain as tuple, plain as record, plain as enum, plain as custom, plain as unknown, plain as any, plain as iso };
  export const NEVER = undefined;
`;

/**
 * The page: one script and one style, which ask nobody else for anything.
 * @param {string} folder
 * @param {string} [main] another way to start it
 */
export const pageFiles = async (folder, main = 'src/page/main.ts') => {
  const { outputFiles, metafile } = await esbuild.build({
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: ['chrome120', 'firefox120', 'safari17'],
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    write: false,
    metafile: true,
    entryPoints: { page: main, 'page-style': 'src/page/page.css' },
    outdir: folder,
    plugins: [shapesOnly],
  });
  const html = await readFile(join(root, 'src/page/page.html'));
  const files = outputFiles.map(({ path, contents }) => ({ path, contents }));
  return { outputFiles: [...files, { path: join(folder, 'page.html'), contents: html }], metafile };
};

/**
 * Writes dist/. Each file is replaced in one rename, so that a program starting meanwhile never reads half a
 * file; `keepOldChunks` leaves the chunks of earlier builds to programs that are still to import them. Resolves to the
 * folders of the npm packages of which something is in the bundles.
 * @param {{ keepOldChunks?: boolean, folder?: string }} [options] `folder` in place of dist/
 */
export async function build({ keepOldChunks = false, folder = dist } = {}) {
  const results = await Promise.all([
    bundled(server, folder, { splitting: true }),
    // A verb is started by hand and waited for: one short file is found and compiled sooner than forty.
    bundled(client, folder, { minifyWhitespace: true, minifySyntax: true }),
    pageFiles(folder),
  ]);
  const outputFiles = results.flatMap((result) => result.outputFiles);
  await mkdir(folder, { recursive: true });
  for (const { path, contents } of outputFiles) await place(path, contents);
  if (!keepOldChunks)
    await removeOthers(
      folder,
      outputFiles.map(({ path }) => basename(path)),
    );
  return new Set(results.flatMap(({ metafile }) => [...packagesIn(metafile)]));
}

/**
 * @param {typeof entryPoints} programs
 * @param {string} folder
 * @param {Pick<esbuild.BuildOptions, 'splitting' | 'minifyWhitespace' | 'minifySyntax'>} how
 */
function bundled(programs, folder, how) {
  return esbuild.build({
    ...bundling,
    ...how,
    metafile: true,
    entryPoints: programs.map(({ out, source }) => ({ in: source, out })),
    outdir: folder,
    plugins: [englishOnly, promptsApart],
    external: ['better-sqlite3', 'koffi'], // native
  });
}

/** @param {esbuild.Metafile} metafile */
function packagesIn({ outputs }) {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const folder = /^.*node_modules\/(@[^/]+\/)?[^/]+/;
  return new Set(files.flatMap((path) => folder.exec(path)?.[0] ?? []));
}

/**
 * Bundles one TypeScript program into dist/; packages stay where they are, esbuild and vitest among them.
 * @param {string} source absolute, with or without its extension
 * @param {string} name
 */
export async function bundleForRun(source, name) {
  const outfile = join(dist, `${name}.js`);
  const { outputFiles } = await esbuild.build({
    ...bundling,
    entryPoints: [source],
    outfile,
    packages: 'external',
  });
  for (const { path, contents } of outputFiles) await place(path, contents);
  return outfile;
}

/**
 * @param {string} path
 * @param {Uint8Array} contents
 */
async function place(path, contents) {
  const isProgram = entryPoints.some(({ out, program }) => program && `${out}.js` === basename(path));
  const draft = `${path}.${process.pid}.draft`;
  await writeFile(
    draft,
    isProgram ? Buffer.concat([Buffer.from('#!/usr/bin/env node\n'), contents]) : contents,
  );
  await chmod(draft, isProgram ? 0o755 : 0o644);
  await rename(draft, path);
}

/**
 * @param {string} folder
 * @param {string[]} built
 */
async function removeOthers(folder, built) {
  for (const name of await readdir(folder))
    if (!built.includes(name)) await rm(join(folder, name), { recursive: true });
}

/** Manual pages, in the words of the programs' own help. */
async function writeManuals() {
  await mkdir(join(dist, 'man'), { recursive: true });
  for (const { out } of entryPoints.filter(({ program }) => program)) {
    const page = execFileSync(process.execPath, [join(dist, `${out}.js`), 'manual']);
    await writeFile(join(dist, 'man', `${out}.8`), page);
  }
}

// In a bundle, this file is whatever it was bundled into.
if (process.argv[1] === fileURLToPath(import.meta.url) && basename(process.argv[1]) === 'build.js') {
  const packages = await build();
  await writeFile(join(dist, 'licences.txt'), `${licencesOf(packages)}\n`);
  await writeManuals();
  console.error(`build: ${relative(process.cwd(), dist) || '.'}/ is up to date`);
}
