// The oracle for a log whose writer was killed: a journal of what was acknowledged, kept by somebody else, against the file.
import { existsSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { readCommits } from '../../src/store/follow.ts';
import { rebuild } from '../../src/store/rebuild.ts';
import { checkWitness, verifyChain } from '../../src/store/verify.ts';
import { append, commitOf, tempLog } from './temp-log.ts';

/** A log and the journal of what was acknowledged by it. */
export type Journalled = { file: string; journal: string };

/** Lines of `position hash`, the last one only if it is whole. */
export const acknowledged = (journal: string): { position: number; hash: string }[] => {
  const text = existsSync(journal) ? readFileSync(journal, 'utf8') : '';
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.slice(0, -1).map((line) => {
    const [position, hash = ''] = line.split(' ');
    return { position: Number(position), hash };
  });
};

const rowsOf = (db: Database.Database) =>
  READ_MODELS.projections
    .flatMap(({ tables }) => tables)
    .map((table) => db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3`).raw().all());

/**
 * Everything acknowledged is there, at most as many commits more as `waited` at the same time, all of it whole, read
 * models level, and the log takes the next commit. `begun` is where the log stood before. Counts what was acknowledged.
 */
export const expectRecovered = async (
  { file, journal }: Journalled,
  { waited = 1, begun = 4 } = {},
): Promise<number> => {
  const log = await tempLog({ file });
  const head = await verifyChain(log);
  await checkWitness(log);
  const journalled = acknowledged(journal);
  for (const { position, hash } of journalled)
    expect((await log.read(position - 1, 1))[0]).toMatchObject({ position, hash });
  const last = Math.max(begun, ...journalled.map(({ position }) => position));
  expect((await readCommits(log, last)).length).toBeLessThanOrEqual(waited);
  const db = new Database(file);
  const live = rowsOf(db);
  await rebuild(db, READ_MODELS.projections);
  expect(rowsOf(db)).toEqual(live);
  db.close();
  const renamed = { type: 'CidrRenamed', cidrId: 1, name: `after-${head.position}` } as never;
  await append(log, commitOf([renamed]));
  expect((await verifyChain(log)).position).toBe(head.position + 1);
  await log.close();
  return journalled.length;
};
