// Following a log: what is there, then what comes, whoever writes it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished, vi } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import { READ_MODELS } from '../../src/projections/projections.ts';
import type { RecordedCommit } from '../../src/store/commit.ts';
import { onGrowth, readCommits, replay } from '../../src/store/follow.ts';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import { acme, ids } from '../acme.ts';
import { append, commitOf, tempLog } from './temp-log.ts';

/** Hands over every commit after a position, one at a time, until the signal. */
const follow = (
  log: SqliteLog,
  after: number,
  onCommit: (commit: RecordedCommit) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> => {
  let position = after;
  const readOn = async () => {
    position = await replay(log, position, onCommit);
  };
  return onGrowth(log, readOn, signal);
};

/** Follows until the test is over; the commits seen so far. */
const following = (log: SqliteLog, after = 0): RecordedCommit[] => {
  const seen: RecordedCommit[] = [];
  const ending = new AbortController();
  const following = follow(log, after, (commit) => void seen.push(commit), ending.signal);
  onTestFinished(async () => {
    ending.abort();
    await following;
  });
  return seen;
};

const ends = (commits: RecordedCommit[]) => commits.map(({ to }) => to);

it('hands over what is there and then what comes', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.humans]));
  const seen = following(log);
  await vi.waitFor(() => expect(ends(seen)).toEqual([4, 5]));
  await append(log, commitOf(acme.ann), commitOf([]), commitOf([acme.bakers]));
  await vi.waitFor(() => expect(ends(seen)).toEqual([4, 5, 7, 8]));
  expect(seen[2]).toMatchObject({
    from: 5,
    to: 7,
    actor: { kind: 'operator', uid: 0, user: 'ann' },
    recordedAt: '2026-11-22T12:00:00.000Z',
    events: acme.ann,
  });
});

it('starts after any commit', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.humans]), commitOf(acme.ann));
  const seen = following(log, 5);
  await vi.waitFor(() => expect(ends(seen)).toEqual([7]));
});

it('waits for each commit to be done with, and loses none that come meanwhile', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const seen: number[] = [];
  const ending = new AbortController();
  const all = follow(
    log,
    0,
    async ({ to }) => {
      seen.push(to);
      if (to < 20) await append(log, commitOf([{ type: 'PeerDisabled', peerId: ids.bob }]));
      else ending.abort();
    },
    ending.signal,
  );
  await all;
  expect(seen).toEqual([4, ...Array.from({ length: 16 }, (_, index) => index + 5)]);
});

it('ends with what its reader throws', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const fails = () => {
    throw new Error('no more');
  };
  await expect(follow(log, 0, fails, new AbortController().signal)).rejects.toThrow('no more');
});

it('stops at an event that this version does not know', async () => {
  const log = await tempLog({ readModels: { ...READ_MODELS, projections: [] } });
  const unknown = { type: 'PeerTeleported', peerId: 1 } as never;
  await append(log, commitOf([...acme.created, unknown]));
  await expect(readCommits(log, 0)).rejects.toThrow('an event of type "PeerTeleported" at position 5');
});

it('replays up to a position', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.humans]), commitOf(acme.ann));
  const seen: number[] = [];
  expect(await replay(log, 4, ({ to }) => void seen.push(to), 6)).toBe(5);
  expect(await replay(log, 5, ({ to }) => void seen.push(to))).toBe(7);
  expect(seen).toEqual([5, 7]);
});

it('hears one call for many appends', async () => {
  const log = await tempLog();
  let calls = 0;
  onTestFinished(log.wake(() => calls++));
  for (let round = 0; round < 50; round++) await append(log, commitOf([]));
  await vi.waitFor(() => expect(calls).toBeGreaterThan(0));
  expect(calls).toBeLessThan(50);
});

it('hears its own thread', async () => {
  const log = await tempLog();
  const seen = following(log);
  await append(log, commitOf(acme.created));
  await vi.waitFor(() => expect(ends(seen)).toEqual([4]));
});

it('hears another process', { timeout: 30_000 }, async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const seen = following(log);
  const script = await bundleForRun(fileURLToPath(new URL('appender.ts', import.meta.url)), 'run-appender');
  const child: ChildProcess = spawn(process.execPath, [script, log.file, `${log.file}.journal`, '3'], {
    stdio: 'inherit',
  });
  expect(await once(child, 'exit')).toEqual([0, null]);
  await vi.waitFor(() => expect(ends(seen).slice(0, 4)).toEqual([4, 5, 8, 13]), { timeout: 5_000 });
  expect(readFileSync(`${log.file}.journal`, 'utf8').trim().split('\n')).toHaveLength(3);
});
