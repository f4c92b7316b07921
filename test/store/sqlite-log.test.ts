// What is the SQLite engine's own: its file, its versions, races of its writers; log-conformance.test.ts has the contract.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { readCommits } from '../../src/store/follow.ts';
import { SCHEMA_VERSION } from '../../src/store/migrate.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { verifyChain } from '../../src/store/verify.ts';
import { Failure } from '../../src/values/failure.ts';
import { acme, ids, keyOf } from '../acme.ts';
import { append, commitOf, tempFolder, tempLog } from './temp-log.ts';

const disabled = { type: 'PeerDisabled', peerId: ids.bob } as const;

it('is there again after closing, and must be there to be opened', async () => {
  const log = await tempLog();
  const { head } = await append(log, commitOf(acme.network));
  await log.close();
  const again = await tempLog({ file: log.file });
  expect(await verifyChain(again)).toEqual(head);
  expect((await readCommits(again, 0))[0]?.events).toEqual(acme.network);
  const file = join(tempFolder(), 'acme.events');
  const opening = openSqliteLog({ file, readModels: READ_MODELS });
  await expect(opening).rejects.toThrow(`there is no log ${file}`);
});

it('gives each record what is sealed and what seals it', async () => {
  const log = await tempLog();
  await append(log, commitOf([acme.humans], 'c'));
  const [record] = await log.read(0, 1);
  expect(record).toMatchObject({
    position: 1,
    commitEnd: 1,
    commandId: 'c',
    type: 'CidrAdded',
    recordedAt: '2026-11-22T12:00:00.000Z',
    actor: '{"kind":"operator","uid":0,"user":"ann"}',
    body: '{"cidrId":3,"name":"humans","cidr":"10.42.128.0/17","parentId":1}',
  });
  expect(record?.id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  expect(record?.salt).toHaveLength(16);
});

it('has one winner among many at one position', async () => {
  const first = await tempLog();
  const logs = [first, ...(await Promise.all([1, 2, 3, 4].map(() => tempLog({ file: first.file }))))];
  const results = await Promise.all(logs.map((log) => log.append(0, [commitOf(acme.created)])));
  expect(results.filter(({ kind }) => kind === 'committed')).toHaveLength(1);
  expect(await first.head()).toMatchObject({ position: 4 });
});

it('is a file that nobody else can read', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const modeOf = (end: string) => statSync(log.file.replace('.events', end)).mode & 0o777;
  expect(['.events', '.events-wal', '.witness'].map(modeOf)).toEqual([0o600, 0o600, 0o600]);
});

it('waits for a lock of another program without stopping this one, and gives up in the end', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const other = new Database(log.file);
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  let turns = 0;
  const turning = setInterval(() => {
    turns += 1;
    if (turns === 3) other.exec('COMMIT');
  }, 1);
  await append(log, commitOf([acme.humans]));
  clearInterval(turning);
  expect(turns).toBeGreaterThanOrEqual(3);
  other.exec('BEGIN IMMEDIATE');
  await expect(append(log, commitOf([acme.bakers]))).rejects.toThrow('has held the lock');
  other.exec('COMMIT');
  await append(log, commitOf([acme.bakers]));
}, 20_000);

it('takes an empty log for a new one, and no other', async () => {
  const log = await tempLog();
  await log.close();
  const again = await tempLog({ file: log.file, mode: 'create' });
  await append(again, commitOf(acme.created));
  await again.close();
  await expect(tempLog({ file: log.file, mode: 'create' })).rejects.toThrow('holds a network already');
});

it('does nothing to the file when a commit fails half-way', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const twice = [commitOf([acme.humans], 'x'), commitOf([acme.bakers], 'x')];
  await expect(log.append(4, twice)).rejects.toThrow('append-only');
  expect(await log.head()).toMatchObject({ position: 4 });
  await append(log, commitOf([acme.humans], 'x'));
});

describe('a file of another version', () => {
  const change = (file: string, sql: string) => {
    const db = new Database(file);
    db.exec(sql);
    db.close();
  };

  const closedLog = async () => {
    const log = await tempLog();
    await append(log, commitOf(acme.network));
    await log.close();
    return log.file;
  };

  it('newer: stops and says so', async () => {
    const file = await closedLog();
    change(file, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    await expect(tempLog({ file })).rejects.toThrow(`schema version ${SCHEMA_VERSION + 1}`);
    await expect(tempLog({ file, migrate: true })).rejects.toThrow(Failure);
  });

  it('newer while we run: nothing is written', async () => {
    const log = await tempLog();
    await append(log, commitOf(acme.created));
    change(log.file, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    await expect(append(log, commitOf([acme.humans]))).rejects.toThrow('schema version');
    expect(await log.head()).toMatchObject({ position: 4 });
  });

  const closedOldLog = async () => {
    const file = await closedLog();
    change(
      file,
      `
      PRAGMA user_version = 1;
      DROP TABLE projections; DROP TABLE cidrs; DROP TABLE peers; DROP TABLE names;
      DROP TABLE ends; DROP TABLE mentions;`,
    );
    return file;
  };

  it('older: is brought up to date only where that was asked for', async () => {
    const file = await closedOldLog();
    await expect(tempLog({ file })).rejects.toThrow(
      `schema version 1, and this program needs ${SCHEMA_VERSION}`,
    );
    const log = await tempLog({ file, migrate: true });
    await append(log, commitOf([disabled]));
    expect(log.database.prepare('SELECT count(*) FROM peers').pluck().get()).toBe(6);
  });

  it('of version 3: loses what nothing reads, and keeps its rows', async () => {
    const file = await closedLog();
    change(
      file,
      `
      PRAGMA user_version = 3;
      CREATE TABLE stored_states (position INTEGER PRIMARY KEY);
      CREATE TABLE stored_state_pieces (position INTEGER PRIMARY KEY);
      ALTER TABLE cidrs ADD COLUMN parent_id INTEGER;
      ALTER TABLE peers ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 1 CHECK (is_admin IN (0, 1));
      ALTER TABLE peers ADD COLUMN is_redeemed INTEGER NOT NULL DEFAULT 1 CHECK (is_redeemed IN (0, 1));
      ALTER TABLE peers ADD COLUMN invite_expires TEXT;
      ALTER TABLE peers ADD COLUMN endpoint TEXT;`,
    );
    const log = await tempLog({ file, migrate: true });
    const columns = (table: string) =>
      log.database.prepare('SELECT name FROM pragma_table_info(?)').pluck().all(table);
    expect(columns('peers')).toEqual(['id', 'name', 'ip', 'cidr_id', 'public_key', 'is_disabled', 'ended']);
    expect(columns('cidrs')).toEqual(['id', 'name', 'cidr']);
    expect(columns('stored_states')).toEqual([]);
    expect(log.queries.peers({ name: 'bob' })).toMatchObject([{ id: ids.bob, publicKey: keyOf('bob') }]);
    await append(log, commitOf([disabled]));
  });

  it('older: is kept as it was, for the way back, and its reader is told where', async () => {
    const file = await closedOldLog();
    writeFileSync(`${file}.v1`, 'of an earlier time');
    const copies: string[] = [];
    const migrate = { kept: (copy: string) => void copies.push(copy) };
    const log = await tempLog({ file, migrate });
    expect(copies).toEqual([`${file}.v1.2`]);
    expect(statSync(`${file}.v1.2`).mode & 0o777).toBe(0o600);
    expect(readFileSync(`${file}.v1`, 'utf8')).toBe('of an earlier time');
    const kept = new Database(`${file}.v1.2`, { readonly: true });
    onTestFinished(() => void kept.close());
    expect(kept.pragma('user_version', { simple: true })).toBe(1);
    expect(kept.prepare('SELECT count(*) FROM events').pluck().get()).toBe((await log.head()).position);
    await log.close();
    await tempLog({ file, migrate });
    expect(copies).toHaveLength(1);
  });

  it('older and damaged: stays as it is, and nothing is kept in its stead', async () => {
    const file = await closedOldLog();
    change(
      file,
      `DROP TRIGGER events_are_not_updated; UPDATE events SET salt = randomblob(16) WHERE position = 2`,
    );
    await expect(tempLog({ file, migrate: { kept: () => {} } })).rejects.toThrow(/position 2/);
    expect(existsSync(`${file}.v1`)).toBe(false);
    const db = new Database(file, { readonly: true });
    onTestFinished(() => void db.close());
    expect(db.pragma('user_version', { simple: true })).toBe(1);
  });

  it('with an older read model: the same', async () => {
    const file = await closedLog();
    change(file, `UPDATE projections SET version = 0 WHERE name = 'peers'; DELETE FROM peers`);
    await expect(tempLog({ file })).rejects.toThrow('the read model "peers"');
    const log = await tempLog({ file, migrate: true });
    expect(log.database.prepare('SELECT count(*) FROM peers').pluck().get()).toBe(6);
  });

  it('with a newer read model: refused either way', async () => {
    const file = await closedLog();
    change(file, `UPDATE projections SET version = 99 WHERE name = 'peers'`);
    await expect(tempLog({ file, migrate: true })).rejects.toThrow('is version 99');
  });
});
