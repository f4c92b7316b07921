// A log that is written to without a pause: what SQLite keeps beside it begins anew, however long that goes on.
import { statSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { SteppingWriter } from '../../src/store/stepping-writer.ts';
import { verifyChain } from '../../src/store/verify.ts';
import { acme } from '../acme.ts';
import { append, commitOf, THREAD, tempLog } from '../store/temp-log.ts';

const COMMITS = 3_000;
const PAGE = 4096;

it('the WAL does not grow with the commits', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const writer = await SteppingWriter.start(THREAD.workerFile, log.file, READ_MODELS.projections, 60_000);
  onTestFinished(() => writer.close());
  let { position } = await log.head();
  for (let count = 0; count < COMMITS; count += 1) {
    const result = await writer.append(position, [
      commitOf([{ ...acme.eve, peerId: (100 + count) as never }]),
    ]);
    if (result.kind !== 'committed') throw new Error(`the log answered ${result.kind}`);
    position = result.head.position;
  }
  // Its turn comes at 1,000 pages; a commit takes at least three.
  expect(statSync(`${log.file}-wal`).size).toBeLessThan(2 * 1_000 * PAGE);
  expect(await verifyChain(log)).toEqual(await log.head());
});
