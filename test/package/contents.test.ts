// What goes into the Debian package: files whose hashes are known here, each of them named in the list beside it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makePackage } from '../../scripts/package.js';
import { locked, unpack } from '../../scripts/published.js';
import { runtime } from '../../scripts/runtime.js';

const folder = mkdtempSync(join(tmpdir(), 'innernet-contents-'));
let made: string;
// The compiler may take minutes the first time.
beforeAll(async () => {
  made = await makePackage(folder, ['-Znone']);
}, 1_200_000);
afterAll(() => rmSync(folder, { recursive: true }));

type Component = {
  name: string;
  version: string;
  purl: string;
  hashes?: { alg: string; content: string }[];
};
const bill = () => JSON.parse(readFileSync(made.replace(/\.deb$/, '.cdx.json'), 'utf8'));

it('is listed beside it, each part with its version, licence and the hash under which it was published', () => {
  const { bomFormat, specVersion, metadata, components } = bill();
  expect([bomFormat, specVersion, metadata.component.name]).toEqual(['CycloneDX', '1.6', 'innernet-live']);
  const sum = createHash('sha256').update(readFileSync(made)).digest('hex');
  expect(metadata.component.hashes).toEqual([{ alg: 'SHA-256', content: sum }]);
  const names = components.map(({ name }: Component) => name);
  expect(names).toEqual(
    expect.arrayContaining(['better-sqlite3', 'koffi', 'fastify', 'ws', 'zod', 'sqlite', runtime().name]),
  );
  for (const { name, purl, hashes } of components as Component[]) {
    expect(purl, name).toMatch(/^pkg:(npm|generic)\/.+@\d/);
    if (name !== 'sqlite') expect(hashes, name).toHaveLength(1);
  }
});

it('has the pictures and files that its documents show', () => {
  const root = join(folder, 'unpacked');
  execFileSync('sh', ['-c', `dpkg-deb -x '${made}' '${root}'`]);
  const documents = join(root, 'usr/share/doc/innernet-live');
  const pages = readdirSync(documents, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.md$/.test(name),
  );
  const shown = pages.flatMap((page) =>
    [...readFileSync(join(documents, page), 'utf8').matchAll(/\]\(([\w./-]+\.(?:png|svg|json))\)/g)].map(
      ([, file]) => join(dirname(page), file ?? ''),
    ),
  );
  expect(shown).toContain('docs/page/compare-500.png');
  expect(shown.filter((file) => !existsSync(join(documents, file)))).toEqual([]);
});

it('is refused where it is not what was published', () => {
  const { name, version } = locked('node_modules/bindings');
  const integrity = `sha512-${createHash('sha512').update('another').digest('base64')}`;
  const target = join(folder, 'another');
  expect(() => unpack({ name, version, integrity }, target)).toThrow(
    `bindings ${version} is not what was published`,
  );
  expect(existsSync(target)).toBe(false);
});
