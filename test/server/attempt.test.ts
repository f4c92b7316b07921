// One run of a program for notify: a hanging one is ended, with what it has started.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { attempt } from '../../src/server/notify/attempt.ts';

const folder = mkdtempSync(join(tmpdir(), 'innernet-attempt-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = (body: string): string => {
  const path = join(folder, 'program');
  writeFileSync(path, `#!/bin/sh\ncd ${folder} || exit 9\n${body}\n`, { mode: 0o755 });
  return path;
};

/** A zombie counts as ended: who takes it away is not this test's. */
const isRunning = (pid: string): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

const pids = (): string[] => readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n');

/** A program under load may need seconds to say who it is. */
const HANGS = { runMs: 6_000, endMs: 500 };
const ROOMY = { runMs: 60_000, endMs: 500 };
const never = new AbortController().signal;

it('a program that hangs and does not hear is ended, with what it has started', {
  timeout: 60_000,
}, async () => {
  const hanging = program("trap '' TERM\nsleep 600 & echo $! >pids\necho $$ >>pids\nwait; sleep 600");
  expect(await attempt(hanging, 'event', never, HANGS)).toBe('had not ended after 6 s');
  const told = pids();
  expect(told).toHaveLength(2);
  await expect.poll(() => told.filter(isRunning), { timeout: 30_000 }).toEqual([]);
});

it('one that ends in time is left alone, and says by its code how it went', { timeout: 60_000 }, async () => {
  expect(await attempt(program('cat >heard'), 'event', never, ROOMY)).toBeUndefined();
  expect(readFileSync(join(folder, 'heard'), 'utf8')).toBe('event');
  expect(await attempt(program('exit 7'), 'event', never, ROOMY)).toBe('ended with code 7');
  expect(await attempt(join(folder, 'none'), 'event', never, ROOMY)).toMatch(/^could not be started/);
});
