// The manual pages: all that the help says is in them, and the programs that show manual pages find no fault.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'manual-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const said = (program: string, ...args: string[]): string =>
  execFileSync(process.execPath, [resolve(`dist/${program}.js`), ...args], { encoding: 'utf8' });

const isHere = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** As a reader copies it: without roff's escapes. */
const bare = (roff: string): string =>
  roff
    .replace(/\\f[BIR]|\\&/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\e', '\\');

describe.each(['innernet', 'innernet-server'])('the page of %s', (program) => {
  const page = said(program, 'manual');
  const path = join(folder, `${program}.8`);
  writeFileSync(path, page);

  it('has every verb with its summary, its flags and its examples', () => {
    const text = bare(page);
    const help = said(program, '--help');
    const verbs = [...help.matchAll(/^ {2}([a-z][a-z-]+)/gm)].map(([, verb]) => verb!);
    expect(verbs.length).toBeGreaterThan(20);
    for (const verb of verbs) expect(text).toMatch(new RegExp(`^\\.SS (.*, )?${verb}\\b`, 'm'));
    const [, examples = ''] = said(program, 'add-peer', '--help').split('Examples:\n');
    for (const line of examples.trim().split('\n')) expect(text).toContain(line.trim());
    expect(text).toContain('--save-config <file>');
  });

  it.skipIf(!isHere('man'))('is shown by man without a warning', () => {
    const argv = ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', path];
    const env = { ...process.env, LC_ALL: 'C.UTF-8', MANROFFSEQ: '', MANWIDTH: '80' };
    const { status, stdout, stderr } = spawnSync('man', argv, { encoding: 'utf8', env });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toContain('tSYNOPSIS');
  });

  it.skipIf(!isHere('mandoc'))('is sound for mandoc', () => {
    const { status, stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'error', path], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });
});
