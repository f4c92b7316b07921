// The file itself refuses whatever is not an append, whoever connects to it and however they ask.
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { acme } from '../acme.ts';
import { append, commitOf, tempLog } from './temp-log.ts';

/** A connection with SQLite's own defaults, as somebody with a shell would have it. */
const stranger = async (): Promise<Database.Database> => {
  const log = await tempLog();
  await append(log, commitOf(acme.created, 'a'));
  const db = new Database(log.file);
  db.pragma('recursive_triggers = 0');
  return db;
};

const insert = (verb: string, position: number) => `
  ${verb} INTO events SELECT ${position}, ${Math.max(position, 1)}, 'new', command_id, type, recorded_at, actor, body,
    salt, digest, hash FROM events WHERE position = 1`;

it.each([
  `UPDATE events SET body = '{}' WHERE position = 2`,
  `UPDATE OR IGNORE events SET position = 9 WHERE position = 4`,
  `DELETE FROM events WHERE position = 4`,
  `DELETE FROM events`,
  insert('INSERT', 0),
  insert('INSERT', 4),
  insert('INSERT', 6),
  insert('INSERT OR REPLACE', 4),
  insert('INSERT OR IGNORE', 4),
  insert('REPLACE', 1),
  `UPDATE commits SET to_position = 1`,
  `DELETE FROM commits`,
  `INSERT OR REPLACE INTO commits SELECT * FROM commits`,
  `INSERT INTO commits SELECT actor, 'b', digest, 0, 3 FROM commits`,
  `INSERT INTO commits SELECT actor, 'b', digest, 4, 5 FROM commits`,
])('%s', async (sql) => {
  const db = await stranger();
  expect(() => db.exec(sql)).toThrow(/append-only/);
  expect(db.prepare('SELECT count(*) FROM events').pluck().get()).toBe(4);
  expect(db.prepare('SELECT count(*) FROM commits').pluck().get()).toBe(1);
  db.close();
});

it('takes the next position', async () => {
  const db = await stranger();
  db.exec(insert('INSERT', 5));
  expect(db.prepare('SELECT max(position) FROM events').pluck().get()).toBe(5);
  db.close();
});
