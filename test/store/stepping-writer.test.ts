// Who writes: this thread where it is quick, the thread beside where it may take long; either way it is one log.
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { expect, it, onTestFinished, vi } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import type { NewCommit } from '../../src/store/log.ts';
import { SteppingWriter } from '../../src/store/stepping-writer.ts';
import { verifyChain } from '../../src/store/verify.ts';
import { readWitness, witnessFile } from '../../src/store/witness.ts';
import { acme } from '../acme.ts';
import { append, commitOf, THREAD, tempFolder, tempLog } from './temp-log.ts';

/** A writer beside an open log; `slow` as it takes it: a busy machine is no slow disk. */
const writerOf = async (slow = 60_000) => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const writer = await SteppingWriter.start(THREAD.workerFile, log.file, READ_MODELS.projections, slow);
  onTestFinished(() => writer.close());
  const appendTo = async (...commits: NewCommit[]) => {
    const { position } = await log.head();
    let isHere = false;
    const appending = writer.append(position, commits).then((result) => {
      isHere = true;
      return result;
    });
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    const wasHere = isHere;
    return { kind: (await appending).kind, wasHere };
  };
  return { log, writer, appendTo };
};

it('a few short commits are written here, many or long ones are not', async () => {
  const { log, appendTo } = await writerOf();
  expect(await appendTo(commitOf([acme.humans]))).toEqual({ kind: 'committed', wasHere: true });
  expect(await appendTo(commitOf([]), commitOf([]))).toEqual({ kind: 'committed', wasHere: true });
  const many = Array.from({ length: 25 }, () => commitOf([]));
  expect(await appendTo(...many)).toEqual({ kind: 'committed', wasHere: false });
  expect(await appendTo(commitOf(Array(24).fill(acme.eve).map(uniquely)))).toMatchObject({ wasHere: false });
  expect(await appendTo(commitOf([acme.engineers]))).toEqual({ kind: 'committed', wasHere: true });
  expect(await verifyChain(log)).toEqual(await log.head());
});

const uniquely = (event: typeof acme.eve, index: number) => ({ ...event, peerId: (100 + index) as never });

it('where the disk is slow, the thread writes', async () => {
  const { appendTo } = await writerOf(0);
  const where = [];
  for (let count = 0; count < 5; count += 1) where.push((await appendTo(commitOf([]))).wasHere);
  expect(where).toEqual([true, true, true, false, false]);
});

it('a lock that somebody else holds stops nothing here', async () => {
  const { log, appendTo } = await writerOf();
  const other = new Database(log.file);
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  const appending = appendTo(commitOf([acme.humans]));
  let turns = 0;
  for (; turns < 20; turns += 1) await setTimeout(5);
  other.exec('COMMIT');
  expect([turns, await appending]).toEqual([20, { kind: 'committed', wasHere: false }]);
});

it('the pages of the WAL get into the file, the witness first, without anything being done here', async () => {
  const { log, appendTo } = await writerOf();
  await appendTo(commitOf([acme.humans]));
  await vi.waitFor(
    () => {
      const counts = log.database.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
      expect(counts[0]?.checkpointed).toBe(counts[0]?.log);
    },
    { timeout: 10_000, interval: 50 },
  );
  expect(readWitness(witnessFile(log.file))).toEqual(await log.head());
});

it('a file that cannot be opened leaves no thread behind', async () => {
  const file = join(tempFolder(), 'nothing.events');
  await expect(SteppingWriter.start(THREAD.workerFile, file, READ_MODELS.projections)).rejects.toThrow(
    'there is no log',
  );
});
