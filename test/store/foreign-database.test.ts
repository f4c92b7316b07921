// innernet 2.0's database is read as it is, left as it was, and refused with a reason where it is something else.
import { spawnSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { ForeignDatabase, hashOfFile } from '../../src/store/foreign-database.ts';
import { Failure } from '../../src/values/failure.ts';
import { makeInnernetFile, type Row, type Tables } from './innernet-file.ts';
import { tempFolder, tempLog } from './temp-log.ts';

const peer = (id: number): Row => ({
  id,
  name: `peer-${id}`,
  ip: `10.42.${id >> 8}.${id & 255}`,
  public_key: `key ${id}`,
  endpoint: null,
  cidr_id: 1,
  invite_expires: 1_790_000_000,
  candidates: '[]',
});

const TABLES: Tables = {
  cidrs: [
    { id: 2, name: 'innernet-server', ip: '10.42.0.1', prefix: 32, parent: 1 },
    { id: 1, name: 'acme', ip: '10.42.0.0', prefix: 16, parent: null },
  ],
  peers: Array.from({ length: 300 }, (_, index) => peer(index + 1)),
  associations: [{ id: 4, cidr_id_1: 1, cidr_id_2: 2 }],
};

const made = (version = 2, tables = TABLES): string => {
  const file = join(tempFolder(), 'acme.db');
  makeInnernetFile(file, tables, version);
  return file;
};

const refusal = (file: string): Failure => {
  const before = readFileSync(file);
  try {
    ForeignDatabase.open(file).close();
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect(readFileSync(file).equals(before)).toBe(true);
    return error as Failure;
  }
  throw new Error('it was opened');
};

describe('a database of innernet', () => {
  it.each([0, 1, 2])('of version %i gives its rows by id, and is left byte for byte as it was', (version) => {
    const file = made(version);
    const before = readFileSync(file);
    const database = ForeignDatabase.open(file);
    expect(database.version).toBe(version);
    expect(database.rows('cidrs')).toEqual([TABLES.cidrs[1], TABLES.cidrs[0]]);
    const [first] = database.rows('peers') as Row[];
    expect(first?.invite_expires).toBe(version >= 1 ? 1_790_000_000 : undefined);
    expect(first?.candidates).toBe(version >= 2 ? '[]' : undefined);
    expect(database.rows('associations')).toEqual(TABLES.associations);
    database.close();
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(database.sha256).toBe(hashOfFile(file));
  });

  it('is locked while it is open', () => {
    const file = made();
    const database = ForeignDatabase.open(file);
    const script = `const db = new (require('better-sqlite3'))(process.argv[1], { timeout: 0 });
      try { db.exec('UPDATE peers SET is_admin = 1'); } catch (error) { console.log(error.code); }`;
    const attempt = () =>
      spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8' }).stdout.trim();
    expect(attempt()).toBe('SQLITE_BUSY');
    database.rows('peers');
    expect(attempt()).toBe('SQLITE_BUSY');
    database.close();
    expect(attempt()).toBe('');
  });

  it('is refused while another program holds its lock', () => {
    const file = made();
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    expect(refusal(file).message).toContain('another program holds the lock');
    other.close();
  });

  it('that a crash has left in the middle of a change is what it was before', () => {
    const file = made();
    const script = `const db = new (require('better-sqlite3'))(process.argv[1]);
      db.pragma('cache_size = 1'); db.exec('BEGIN');
      db.exec("UPDATE peers SET name = name || '-and-some-more-text-to-fill-the-pages'");
      process.kill(process.pid, 'SIGKILL');`;
    const before = hashOfFile(file);
    spawnSync(process.execPath, ['-e', script, file]);
    expect(hashOfFile(file)).not.toBe(before);
    const database = ForeignDatabase.open(file);
    expect((database.rows('peers') as Row[])[0]?.name).toBe('peer-1');
    database.close();
    expect(hashOfFile(file)).toBe(before);
  });
});

describe('what is refused, and left as it was', () => {
  it('a later version', () => {
    const { message, hint } = refusal(made(3));
    expect(message).toContain('schema version 3');
    expect(hint).toContain('upgrade');
  });

  it('a file that was cut', () => {
    const file = made();
    for (const bytes of [30_000, 8_192, 5_000, 4_096]) {
      truncateSync(file, bytes);
      expect(refusal(file).message).toMatch(/is damaged|is not a database/);
    }
    for (const bytes of [100, 15, 0]) {
      truncateSync(file, bytes);
      expect(refusal(file).message).toMatch(/is damaged|is not a database/);
    }
  });

  it('a file with a page of garbage', () => {
    const file = made();
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 8_192, 12_288);
    writeFileSync(file, bytes);
    expect(refusal(file).message).toContain('is damaged');
  });

  it('something else', async () => {
    const file = join(tempFolder(), 'acme.db');
    writeFileSync(file, 'x'.repeat(10_000));
    expect(refusal(file).message).toContain('it is no SQLite database');
    const other = new Database(`${file}.other`);
    other.exec('CREATE TABLE peers (id)');
    other.close();
    expect(refusal(`${file}.other`).message).toContain('it has no table cidrs');
  });

  it('a log of ours', async () => {
    const { file } = await tempLog();
    expect(refusal(file).message).toMatch(/write-ahead log|log of this program/);
  });

  it('views and virtual tables in the place of tables', () => {
    const file = made(2, { ...TABLES, peers: [] });
    const db = new Database(file);
    db.exec(`DROP TABLE peers; CREATE VIEW peers AS
      WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n`);
    db.close();
    expect(refusal(file).message).toContain('it has no table peers');
  });

  it('a table without a column that its version has', () => {
    const file = made();
    const db = new Database(file);
    db.exec('ALTER TABLE peers DROP COLUMN candidates');
    db.close();
    expect(refusal(file).message).toContain('has no column candidates');
  });

  it('a write-ahead log, with the way out', () => {
    const file = made();
    const db = new Database(file);
    db.pragma('journal_mode = wal');
    db.close();
    expect(refusal(file).hint).toContain('PRAGMA journal_mode = delete');
  });
});
