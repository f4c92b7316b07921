// The lock by which one server keeps a second one out: of one process at a time, and no other user's to hold.
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ProcessLock } from '../../src/store/process-lock.ts';
import { tempFolder } from './temp-log.ts';

const modeOf = (path: string): number => statSync(path).mode & 0o7777;

it('is one at a time, and free when it is let go', () => {
  const path = join(tempFolder(), 'acme');
  const lock = ProcessLock.take(path, 'a server of acme');
  expect(() => ProcessLock.take(path, 'a server of acme')).toThrow(
    `a server of acme is running already (process ${process.pid})`,
  );
  lock.release();
  ProcessLock.take(path, 'a server of acme').release();
});

it('is a file of its owner alone, whatever the umask', () => {
  const path = join(tempFolder(), 'acme');
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  ProcessLock.take(path, 'a server').release();
  expect([modeOf(`${path}.lock`), modeOf(`${path}.pid`)]).toEqual([0o600, 0o600]);
});

it.each([
  [0o644, 0o640],
  [0o666, 0o660],
  [0o660, 0o660],
])('of mode %o as an earlier version left it has mode %o from then on: a group stays', (old, now) => {
  const path = join(tempFolder(), 'acme');
  writeFileSync(`${path}.lock`, '');
  chmodSync(`${path}.lock`, old);
  ProcessLock.take(path, 'a server').release();
  expect(modeOf(`${path}.lock`)).toBe(now);
});
