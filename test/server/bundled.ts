// A TypeScript program of the tests as one file that runs on a host of the lab.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Bundles `test/…`; native modules and migrations stay where they are. Returns its path and what removes it. */
export const bundled = async (source: string): Promise<{ path: string; remove: () => void }> => {
  const folder = mkdtempSync(join(tmpdir(), 'bundled-'));
  for (const name of ['node_modules', 'migrations']) symlinkSync(join(repository, name), join(folder, name));
  const path = join(folder, 'program.mjs');
  await build({
    entryPoints: [join(repository, source)],
    outfile: path,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['koffi', 'better-sqlite3'],
    banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
    logLevel: 'warning',
  });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
};
