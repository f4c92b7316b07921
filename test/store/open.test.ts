// What lies where a log should be: other files are turned away, each with its reason, and left as they are.
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { acme } from '../acme.ts';
import { append, commitOf, tempFolder, tempLog } from './temp-log.ts';

it.each([
  ['text', 'not a database, but long enough to be taken for one'.repeat(100)],
  ['a torn file', '\0'.repeat(5000)],
])('%s is no log', async (_, content) => {
  const file = join(tempFolder(), 'acme.events');
  writeFileSync(file, content);
  await expect(tempLog({ file })).rejects.toThrow('is not a log of this program');
  await expect(tempLog({ file, mode: 'create' })).rejects.toThrow('is not a log of this program');
  expect(readFileSync(file, 'utf8')).toBe(content);
});

it("another program's database is no log", async () => {
  const file = join(tempFolder(), 'acme.events');
  const db = new Database(file);
  db.exec('CREATE TABLE peers (id INTEGER); PRAGMA user_version = 2');
  db.close();
  const before = readFileSync(file);
  await expect(tempLog({ file, migrate: true })).rejects.toThrow('is not a log of this program');
  expect(readFileSync(file)).toEqual(before);
});

it('a journal beside the log is not played in', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  await log.close();
  writeFileSync(`${log.file}-journal`, 'left by something else');
  await expect(tempLog({ file: log.file })).rejects.toMatchObject({
    message: expect.stringContaining('-journal does not belong to this log'),
    hint: `move ${log.file}-journal away`,
  });
});

it.each(['-journal', '-wal', '-shm'])(
  'what is left of another log (%s) does not become part of a new one',
  async (end) => {
    const file = join(tempFolder(), 'acme.events');
    writeFileSync(file + end, 'left by another log');
    await expect(tempLog({ file, mode: 'create' })).rejects.toThrow(`${file}${end} is left of another log`);
    expect(existsSync(file)).toBe(false);
  },
);

it('a new log is whole and private from the start, with nothing left beside it', async () => {
  const folder = tempFolder();
  const file = join(folder, 'deep', 'acme.events');
  const log = await tempLog({ file, mode: 'create' });
  await log.close();
  expect(readdirSync(join(folder, 'deep'))).toEqual(['acme.events']);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('every connection is set up as the log needs it', async () => {
  const { database } = await tempLog();
  const setting = (name: string) => database.pragma(name, { simple: true });
  expect(setting('journal_mode')).toBe('wal');
  expect(setting('synchronous')).toBe(2);
  expect(setting('query_only')).toBe(1);
  expect(() => database.exec('DELETE FROM peers')).toThrow('readonly');
});
