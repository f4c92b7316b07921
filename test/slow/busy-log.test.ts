// A log that is written to without a pause: what SQLite keeps beside it begins anew, however long that goes on.
import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { verifyChain } from '../../src/store/verify.ts';
import { acme } from '../acme.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';

const COMMITS = 3_000;
const PAGE = 4096;

it('the WAL does not grow with the commits', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  let { position } = await log.head();
  for (let count = 0; count < COMMITS; count += 1) {
    const result = await log.append(position, [commitOf([{ ...acme.eve, peerId: (100 + count) as never }])]);
    if (result.kind !== 'committed') throw new Error(`the log answered ${result.kind}`);
    position = result.head.position;
  }
  // Its turn comes at 400 pages; a commit takes at least three.
  expect(statSync(`${log.file}-wal`).size).toBeLessThan(2 * 400 * PAGE);
  expect(await verifyChain(log)).toEqual(await log.head());
});
