// Killed at any moment, on a failing or a full disk: what was acknowledged is in the log, and it is whole.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import { PROJECTIONS } from '../../src/projections/projections.ts';
import { readCommits } from '../../src/store/follow.ts';
import { rebuild } from '../../src/store/rebuild.ts';
import { checkWitness, verifyChain } from '../../src/store/verify.ts';
import { acme } from '../acme.ts';
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
const newFiles = async (): Promise<{ file: string; journal: string }> => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  await log.close();
  return { file: log.file, journal: `${log.file}.journal` };
};

/** Lines of `position hash`, the last one only if it is whole. */
const acknowledged = (journal: string): { position: number; hash: string }[] => {
  const text = existsSync(journal) ? readFileSync(journal, 'utf8') : '';
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.slice(0, -1).map((line) => {
    const [position, hash = ''] = line.split(' ');
    return { position: Number(position), hash };
  });
};

const rowsOf = (db: Database.Database) =>
  PROJECTIONS.flatMap(({ tables }) => tables).map((table) =>
    db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3`).raw().all(),
  );

/** The oracle: everything acknowledged is there, at most one commit more, all of it whole, read models level. */
const expectRecovered = async ({ file, journal }: { file: string; journal: string }): Promise<number> => {
  const log = await tempLog({ file });
  const head = await verifyChain(log);
  await checkWitness(log);
  const journalled = acknowledged(journal);
  for (const { position, hash } of journalled)
    expect((await log.read(position - 1, 1))[0]).toMatchObject({ position, hash });
  expect((await readCommits(log, journalled.at(-1)?.position ?? 4)).length).toBeLessThanOrEqual(1);
  const db = new Database(file);
  const live = rowsOf(db);
  await rebuild(db, PROJECTIONS);
  expect(rowsOf(db)).toEqual(live);
  db.close();
  await append(log, commitOf([acme.humans]));
  expect((await verifyChain(log)).position).toBe(head.position + 1);
  await log.close();
  return journalled.length;
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
const runWithFault = async (fault: string, { file, journal }: { file: string; journal: string }) => {
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
