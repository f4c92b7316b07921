// A process that has a file open is named as people know it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdersOf } from '../../src/server/disk/open-files.ts';

const HOLD = `require('node:fs').openSync(process.argv.at(-1)); console.log('open'); setInterval(() => {}, 1000);`;

let folder: string;
let file: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'innernet-holders-'));
  file = join(folder, 'acme.db');
  writeFileSync(file, '');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const script = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const named = async (program: string, args: string[], argv0 = program): Promise<unknown> => {
  const child = spawn(program, args, { argv0, stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  const [holder, ...more] = holdersOf(file);
  expect([holder?.pid, more]).toEqual([child.pid, []]);
  return holder?.program;
};

it('by its own name', async () => {
  expect(await named(process.execPath, ['-e', HOLD, file])).toBe('node');
});

it('by the file that an interpreter runs', async () => {
  expect(await named(process.execPath, [script('innernet-server.js', HOLD), file])).toBe('innernet-server');
});

it('without the dash of a login shell', async () => {
  expect(await named('/bin/sh', ['-c', 'exec 3<"$0"; echo open; read -r _', file], '-sh')).toBe('sh');
});
