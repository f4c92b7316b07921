// The log's contract, held by the SQLite engine with its writer inline and in a thread.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PROJECTIONS } from '../../src/projections/projections.ts';
import { readCommits } from '../../src/store/follow.ts';
import { SCHEMA_VERSION } from '../../src/store/migrate.ts';
import { openLog } from '../../src/store/sqlite-log.ts';
import { verifyChain } from '../../src/store/verify.ts';
import { Failure } from '../../src/values/failure.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { acme, ids } from '../acme.ts';
import { append, commitOf, OPERATOR, THREAD, tempFolder, tempLog } from './temp-log.ts';

const disabled = { type: 'PeerDisabled', peerId: ids.bob } as const;

describe.each([
  ['inline', 'inline' as const],
  ['in a thread', THREAD],
])('with the writer %s', (_, writer) => {
  it('is empty at first', async () => {
    const log = await tempLog({ writer });
    expect(await log.head()).toEqual({ position: 0, hash: NO_HASH });
    expect(await log.networkId()).toBeUndefined();
    expect(await log.read(0, 10)).toEqual([]);
  });

  it('keeps commits whole and in order', async () => {
    const log = await tempLog({ writer });
    await append(log, commitOf(acme.created));
    const { head } = await append(log, commitOf([acme.humans]), commitOf(acme.ann));
    const commits = await readCommits(log, 0);
    expect(commits.map(({ from, to }) => [from, to])).toEqual([
      [0, 4],
      [4, 5],
      [5, 7],
    ]);
    expect(commits.flatMap(({ events }) => events)).toEqual([...acme.created, acme.humans, ...acme.ann]);
    expect(await log.head()).toEqual(head);
    expect(await verifyChain(log)).toEqual(head);
    expect(await log.networkId()).toBe(commits[0]?.records[0]?.hash);
  });

  it('takes nothing when it does not end where expected', async () => {
    const log = await tempLog({ writer });
    await append(log, commitOf(acme.created));
    for (const expected of [3, 5])
      expect(await log.append(expected, [commitOf([disabled])])).toEqual({ kind: 'conflict' });
    expect(await log.head()).toMatchObject({ position: 4 });
  });

  it('takes none of several commits when one command id is known', async () => {
    const log = await tempLog({ writer });
    await append(log, commitOf(acme.created, 'a'));
    const both = [commitOf([acme.humans], 'b'), commitOf(acme.ann, 'a')];
    expect(await log.append(4, both)).toEqual({ kind: 'conflict' });
    expect(await log.commitOf(OPERATOR, 'b')).toBeUndefined();
  });

  it('keeps answers for ever, also where nothing was appended', async () => {
    const log = await tempLog({ writer });
    await append(log, commitOf(acme.created, 'a'));
    await append(log, commitOf([], 'b'));
    expect(await log.commitOf(OPERATOR, 'a')).toMatchObject({ commandId: 'a', from: 0, to: 4 });
    expect(await log.commitOf(OPERATOR, 'b')).toMatchObject({ commandId: 'b', from: 4, to: 4 });
    expect(await log.commitOf('another', 'a')).toBeUndefined();
  });

  it('is there again after closing', async () => {
    const log = await tempLog({ writer });
    const { head } = await append(log, commitOf(acme.network));
    await log.close();
    const again = await tempLog({ file: log.file, writer });
    expect(await verifyChain(again)).toEqual(head);
    expect((await readCommits(again, 0))[0]?.events).toEqual(acme.network);
  });

  it('refuses to open what is not there', async () => {
    const file = join(tempFolder(), 'acme.events');
    const opening = openLog({ file, projections: PROJECTIONS, writer });
    await expect(opening).rejects.toThrow(`there is no log ${file}`);
  });
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

it('reads in pages of any size, also through the middle of a commit', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.network));
  const positions = (await log.read(3, 4)).map(({ position }) => position);
  expect(positions).toEqual([4, 5, 6, 7]);
  const [commit] = await readCommits(log, 0, 3);
  expect(commit?.events).toEqual(acme.network);
});

it('lets two writers of one file go on from each other', async () => {
  const one = await tempLog({ writer: THREAD });
  const two = await tempLog({ file: one.file });
  await append(one, commitOf(acme.created));
  await append(two, commitOf([acme.humans]));
  await append(one, commitOf([acme.engineers]));
  expect(await verifyChain(two)).toEqual(await one.head());
  expect(await two.append(5, [commitOf([acme.bakers])])).toEqual({ kind: 'conflict' });
});

it('has one winner among many at one position', async () => {
  const first = await tempLog();
  const logs = [
    first,
    ...(await Promise.all([1, 2, 3, 4].map(() => tempLog({ file: first.file, writer: THREAD })))),
  ];
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
      DROP TABLE ends; DROP TABLE mentions; DROP TABLE stored_states; DROP TABLE stored_state_pieces;`,
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
