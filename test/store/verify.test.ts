// Damage in the file is found and named by its position.
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import { checkTail, DamagedLog, verifyChain } from '../../src/store/verify.ts';
import { acme, ids } from '../acme.ts';
import { append, commitOf, tempLog } from './temp-log.ts';

/** A log in which somebody with a shell has been: 21 positions in eleven commits. */
const damaged = async (sql: string): Promise<SqliteLog> => {
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.humans]), commitOf([acme.engineers]));
  await append(log, commitOf([acme.bakers, acme.machines]), commitOf(acme.ann), commitOf(acme.ryo));
  for (let round = 0; round < 4; round++) {
    const type = round % 2 ? 'PeerEnabled' : 'PeerDisabled';
    await append(
      log,
      commitOf([
        { type, peerId: ids.ryo },
        { type: 'PeerRenamed', peerId: ids.ryo, name: `ryo-${round}` },
      ]),
    );
  }
  await append(log, commitOf([acme.eve]));
  const db = new Database(log.file);
  db.exec('DROP TRIGGER events_are_not_updated; DROP TRIGGER events_are_not_deleted');
  db.exec(sql);
  db.close();
  return log;
};

it('finds nothing in a log as it should be', async () => {
  const log = await damaged('');
  expect(await verifyChain(log)).toEqual(await log.head());
  expect(await verifyChain(log, 13)).toEqual(await log.head());
  await checkTail(log, 5);
});

it('hands over every record that it found good', async () => {
  const log = await damaged('');
  const seen: number[] = [];
  await verifyChain(log, 0, (records) => seen.push(...records.map(({ position }) => position)));
  expect(seen).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
});

describe.each([
  ['a body', `UPDATE events SET body = replace(body, 'ryo-1', 'eve-1') WHERE position = 16`, 16],
  ['a space in a body', `UPDATE events SET body = body || ' ' WHERE position = 9`, 9],
  ['an actor', `UPDATE events SET actor = '{"kind":"server"}' WHERE position = 10`, 10],
  ['a time', `UPDATE events SET recorded_at = '2026-11-22T12:00:00.001Z' WHERE position = 11`, 11],
  ['a type', `UPDATE events SET type = 'PeerEnabled' WHERE position = 13`, 13],
  ['an id', `UPDATE events SET id = 'x' WHERE position = 5`, 5],
  ['a command id', `UPDATE events SET command_id = 'x' WHERE position = 5`, 5],
  ['a salt', `UPDATE events SET salt = zeroblob(16) WHERE position = 3`, 3],
  [
    'a digest',
    `UPDATE events SET digest = (SELECT digest FROM events WHERE position = 2) WHERE position = 3`,
    3,
  ],
  ['a hash', `UPDATE events SET hash = (SELECT hash FROM events WHERE position = 2) WHERE position = 3`, 3],
  [
    'the last hash',
    `UPDATE events SET hash = (SELECT hash FROM events WHERE position = 2) WHERE position = 21`,
    21,
  ],
  ['the end of a commit', `UPDATE events SET commit_end = 15 WHERE position = 13`, 13],
  ['a record that is missing', `DELETE FROM events WHERE position = 12`, 13],
  ['an end that is missing within a commit', `DELETE FROM events WHERE position >= 20`, 20],
])('%s', (_, sql, position) => {
  it(`is found at ${position}`, async () => {
    const verdict = verifyChain(await damaged(sql));
    await expect(verdict).rejects.toBeInstanceOf(DamagedLog);
    await expect(verdict).rejects.toMatchObject({ position });
  });
});

it('checks as much of the end as it is asked to', async () => {
  const log = await damaged(`UPDATE events SET body = body || ' ' WHERE position = 18`);
  await checkTail(log, 3);
  await expect(checkTail(log, 4)).rejects.toMatchObject({ position: 18 });
});
