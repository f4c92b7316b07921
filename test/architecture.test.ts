// Holds the source to its plan, and shows that each ban would be noticed.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { breaches, type House } from './architecture.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function filesUnder(...folders: string[]): House {
  const paths = folders
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && /\.([jt]s|tsx)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

it('the house stands as planned', () => {
  expect(breaches(filesUnder('src', 'test', 'scripts'))).toEqual([]);
});

describe('a breach is named', () => {
  const breach = (path: string, line: string, expected: string) =>
    it(`${path}: ${line}`, () => {
      const found = breaches(new Map([[path, `// A file with one fault.\n${line}\n`]]));
      expect(found).toEqual([expect.stringContaining(expected)]);
    });

  breach('src/values/ip.ts', `import { x } from '../events/schema.ts';`, 'imports from events');
  breach('src/events/schema.ts', `import type { X } from '../domain/network.ts';`, 'imports from domain');
  breach('src/domain/network.ts', `export { x } from '../protocol/frames.ts';`, 'imports from protocol');
  breach('src/store/log.ts', `import {\n  x,\n} from '../domain/network.ts';`, 'imports from domain');
  breach('src/wireguard/device.ts', `import '../domain/network.ts';`, 'imports from domain');
  breach('src/cli/run.ts', `await import('../store/log.ts');`, 'imports from store');
  breach('src/page/app.tsx', `import { readFile } from 'node:fs';`, 'runs in a browser');
  breach('src/page/app.tsx', `import { x } from '../cli/plane.ts';`, 'imports from cli');
  breach('src/ui/door.ts', `import { x } from '../client/up.ts';`, 'imports from client');
  breach('src/client/up.ts', `import { render } from 'preact';`, 'only the page draws');
  breach('src/page/map/icicle.ts', `import type { Page } from '../page.ts';`, 'knows no page');
  breach('src/page/map/icicle.ts', 'const now = Date.now();', 'the clock is passed in');
  breach('src/client/up.ts', `import { x } from '../projections/peers.ts';`, 'imports from projections');
  breach('src/client/up.ts', `import { x } from '../server/hub.ts';`, 'imports from server');
  breach('src/server/hub.ts', `import { x } from '../client/up.ts';`, 'imports from client');
  breach(
    'src/server/past/past.ts',
    `import { x } from '../../store/reader.ts';`,
    'knows the log by its contract',
  );
  breach('src/attic/box.ts', `import { x } from '../values/ip.ts';`, 'not on the plan');
  breach('src/client/up.ts', `import Database from 'better-sqlite3';`, 'imports better-sqlite3');
  breach('src/client/up.ts', `import fastify from 'fastify';`, 'imports fastify');
  breach('src/domain/decide.ts', `import { readFileSync } from 'node:fs';`, 'imports node:fs');
  breach('src/wireguard/plan.ts', `import { join } from 'node:path';`, 'imports node:path');
  breach('src/domain/decide.ts', `const now = Date.now();`, 'uses Date.now');
  breach('src/events/record.ts', `const now = new Date();`, 'uses new Date()');
  breach('src/values/id.ts', `const id = Math.random();`, 'uses Math.random');
  breach('src/values/id.ts', `const id = crypto.randomUUID();`, 'uses crypto');
  breach('src/protocol/frames.ts', `const debug = process.env.DEBUG;`, 'uses process.');
  breach('src/cli/ask.ts', `export default ask;`, 'default export');
  breach('src/server/serve.ts', `process.stderr.write(name);`, 'writes past src/cli/print.ts');
  breach('src/client/up.ts', `console.log(name);`, 'writes past src/cli/print.ts');
  breach('src/server/stream/hub.ts', `live.subscribe((step) => tell(step));`, 'in which order rights end');
  breach('src/cli/utils.ts', `export const x = 1;`, 'utils.ts says nothing');
  breach('src/cli/shared/ask.ts', `export const x = 1;`, 'shared says nothing');

  it('a file without a first sentence', () => {
    const found = breaches(new Map([['src/cli/ask.ts', `import { x } from './run.ts';\n`]]));
    expect(found).toEqual([expect.stringContaining('first line')]);
  });

  it('two files that import each other', () => {
    const found = breaches(
      new Map([
        ['src/cli/ask.ts', `// One half of a circle.\nimport { x } from './print.ts';\n`],
        ['src/cli/print.ts', `// The other half of it.\nimport type { Y } from './ask.ts';\n`],
      ]),
    );
    expect(found).toEqual(['import cycle: src/cli/ask.ts → src/cli/print.ts → src/cli/ask.ts']);
  });

  it('two corners of a room that import each other', () => {
    const found = breaches(
      new Map([
        ['src/client/sync/up.ts', `// Imports from the other.\nimport { x } from '../device/a.ts';\n`],
        ['src/client/device/a.ts', `// Has no import of its own.\n`],
        ['src/client/device/b.ts', `// Imports from the one.\nimport { y } from '../sync/down.ts';\n`],
      ]),
    );
    expect(found).toEqual(['import cycle: src/client/sync → src/client/device → src/client/sync']);
  });
});

it('what is allowed is let through', () => {
  const text = `/** Asks the clock, says Date.now in a comment. */\nimport { hash } from '@noble/hashes/sha2.js';\nexport const hint = 'see process.env';\n`;
  expect(breaches(new Map([['src/values/hint.ts', text]]))).toEqual([]);
});
