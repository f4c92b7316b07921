// Killed at any moment, on a failing or a full disk: what was acknowledged is in the log, and it is whole.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import { acme } from '../acme.ts';
import { acknowledged, expectRecovered, type Journalled } from '../store/recovery.ts';
import { append, commitOf, tempFolder, tempLog } from '../store/temp-log.ts';

let appender = '';
let fullDisk = '';

beforeAll(async () => {
  const bundle = (name: string) =>
    bundleForRun(fileURLToPath(new URL(`../store/${name}.ts`, import.meta.url)), `run-${name}`);
  appender = await bundle('appender');
  fullDisk = await bundle('full-disk');
});

/** A log that exists, and the journal that an appender keeps of what was acknowledged to it. */
const newFiles = async (): Promise<Journalled> => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  await log.close();
  return { file: log.file, journal: `${log.file}.journal` };
};

const start = (command: string, ...args: string[]): ChildProcess => {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
};

it('killed at random moments', async () => {
  for (let round = 0; round < 6; round++) {
    const files = await newFiles();
    const child = start(process.execPath, appender, files.file, files.journal);
    await vi.waitFor(() => expect(acknowledged(files.journal).length).toBeGreaterThan(round), {
      timeout: 20_000,
      interval: 1,
    });
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await expectRecovered(files)).toBeGreaterThan(round);
  }
});

/** Runs an appender under strace with a fault at the k-th call of a kind; its stderr. */
const runWithFault = async (fault: string, { file, journal }: Journalled) => {
  const watched = ['-P', `${file}-wal`, '-P', file];
  const options = ['-f', '-qq', '-o', '/dev/null', ...watched, '-e', `inject=${fault}`];
  const child = start('strace', ...options, process.execPath, appender, file, journal, '40');
  let stderr = '';
  child.stderr?.on('data', (text) => {
    stderr += text;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, stderr };
};

describe.each([
  ['fsync', [1, 2, 3, 8, 21]],
  ['pwrite64', [1, 2, 7, 20, 63, 200]],
])('killed at a call of %s', (call, moments) => {
  it.each(moments)('number %i', async (moment) => {
    const files = await newFiles();
    const { signal } = await runWithFault(`${call}:signal=KILL:when=${moment}`, files);
    expect(signal).toBe('SIGKILL');
    await expectRecovered(files);
  });
});

it.each([1, 4])(
  'a disk that fails at fsync number %i: nothing more is written, and nothing is lost',
  async (moment) => {
    const files = await newFiles();
    const { code, stderr } = await runWithFault(`fsync:error=EIO:when=${moment}`, files);
    expect(code).toBe(1);
    expect(stderr).toContain('the log answered unknown');
    expect(await expectRecovered(files)).toBeLessThan(moment);
  },
);

it('a full disk: a clear refusal, and all is well when there is room again', async () => {
  const folder = `${tempFolder()}/small`;
  mkdirSync(folder);
  const script = 'mount -t tmpfs -o size=800k tmpfs "$0" && exec "$1" "$2" "$0"';
  const args = ['--mount', 'sh', '-c', script, folder, process.execPath, fullDisk];
  const { stdout } = await promisify(execFile)('unshare', args);
  expect(JSON.parse(stdout)).toEqual({
    first: 'committed',
    whenFull: `the disk is full: nothing was written to ${folder}/acme.events`,
    again: `the disk is full: nothing was written to ${folder}/acme.events`,
    whenRoomy: 'committed',
    grewBy: 1,
  });
});
