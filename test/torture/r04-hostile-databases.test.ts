// R4: hostile SQLite files: logs with rows, tables and triggers that somebody changed, databases of innernet 2.0's spoiled anyhow.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { formatConf, readConf } from '../../src/server/disk/conf.ts';
import { filesOf } from '../../src/server/disk/files.ts';
import { importOnce } from '../../src/server/verbs/import.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { checkTail, checkWitness, verifyChain } from '../../src/store/verify.ts';
import { Failure } from '../../src/values/failure.ts';
import { Ip } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { acme, cidrId, keyOf, keysOf } from '../acme.ts';
import { makeInnernetFile, type Row } from '../store/innernet-file.ts';
import { append, commitOf, tempFolder, tempLog } from '../store/temp-log.ts';
import { below, NASTY_TEXTS, oneOf, spoiledBytes, Tally } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const isRefusal = (error: unknown): boolean =>
  error instanceof Failure || (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_'));

const quoted = (text: string): string => `'${text.replace(/\0/g, '').replaceAll("'", "''")}'`;

it('R4: a log that somebody has written into is refused, or reads as it was', {
  timeout: 7_200_000,
}, async () => {
  const dice = diceOf(seed);
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.humans]));
  for (let n = 0; n < 10; n += 1)
    await append(log, commitOf([{ type: 'CidrRenamed', cidrId: cidrId(3), name: `humans-${n}` as never }]));
  const truth = await log.read(0, 10_000);
  await log.close();
  const position = () => 1 + below(dice, truth.length);
  const value = () =>
    oneOf(dice, [
      ...['NULL', '-1', '0', '1', '1e308', '9223372036854775807', "x'00'", 'zeroblob(16)', 'zeroblob(32)'],
      quoted(oneOf(dice, NASTY_TEXTS)),
    ]);
  const column = () =>
    oneOf(dice, [
      ...['position', 'commit_end', 'id', 'command_id', 'type', 'recorded_at'],
      ...['actor', 'body', 'salt', 'digest', 'hash'],
    ]);
  const table = () => oneOf(dice, ['events', 'commits', 'peers', 'cidrs', 'history']);
  const CHANGES: { [name: string]: () => string } = {
    'a field': () => `UPDATE events SET ${column()} = ${value()} WHERE position = ${position()}`,
    'a field of another row': () => {
      const name = column();
      return `UPDATE events SET ${name} = (SELECT ${name} FROM events WHERE position = ${position()}) WHERE position = ${position()}`;
    },
    'rows gone': () => `DELETE FROM events WHERE position = ${position()}`,
    'the end gone': () => `DELETE FROM events WHERE position > ${below(dice, truth.length)}`,
    'a row doubled': () =>
      `INSERT INTO events SELECT max(position) + 1, commit_end + 1, id || 'x', command_id, type, recorded_at, actor, body, salt, digest, hash FROM events`,
    'a table gone': () => `DROP TABLE ${table()}`,
    'a view in place of the log': () =>
      'ALTER TABLE events RENAME TO old; CREATE VIEW events AS SELECT * FROM old WHERE position < 5',
    'a trigger': () =>
      `CREATE TRIGGER t${below(dice, 99)} AFTER INSERT ON events BEGIN DELETE FROM commits; END`,
    'another version': () => `PRAGMA user_version = ${oneOf(dice, [0, 1, 2, 99, -1, 2_147_483_647])}`,
    'another application': () => `PRAGMA application_id = ${below(dice, 2 ** 31)}`,
    'a read model': () => `DELETE FROM ${oneOf(dice, ['peers', 'cidrs'])}`,
  };
  const tried = new Tally();
  const names = Object.keys(CHANGES);
  const base = tempFolder();
  const wanted = roundsOr(120);
  for (let round = 0; tried.of('refused') < wanted; round += 1) {
    const file = join(base, `${round}.events`);
    for (const end of ['events', 'witness'])
      copyFileSync(log.file.replace(/events$/, end), file.replace(/events$/, end));
    const name = oneOf(dice, names);
    const sql = CHANGES[name]?.() ?? '';
    const db = new Database(file);
    const triggers = db
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
      .pluck()
      .all();
    for (const trigger of triggers) db.exec(`DROP TRIGGER ${trigger}`);
    try {
      db.exec(sql);
    } catch {
      continue; // SQLite itself says no
    } finally {
      db.close();
    }
    tried.add(name);
    try {
      const opened = await openSqliteLog({ file, readModels: READ_MODELS, migrate: true });
      try {
        await checkWitness(opened);
        await checkTail(opened);
        await verifyChain(opened);
        expect(await opened.read(0, 10_000), sql).toEqual(truth);
        tried.add('harmless');
      } finally {
        await opened.close();
      }
    } catch (error) {
      if (!isRefusal(error)) throw new Error(sql, { cause: error });
      tried.add('refused');
    }
    for (const end of ['events', 'events-wal', 'events-shm', 'witness'])
      rmSync(join(base, `${round}.${end}`), { force: true });
  }
  sayTried('R4 in SQLite, logs', tried.counts);
});

it("R4: a database of innernet 2.0's is taken over whole, or refused and left alone", {
  timeout: 7_200_000,
}, async () => {
  const dice = diceOf(seed + 1);
  const name = InterfaceName.parse('acme');
  const folder = tempFolder();
  const files = filesOf(name, { configDir: join(folder, 'etc'), dataDir: join(folder, 'lib') });
  for (const each of ['etc', 'lib']) mkdirSync(join(folder, each));
  const { privateKey } = keysOf('server');
  const conf = { privateKey, listenPort: 51_820, address: Ip.parse('10.42.0.1'), prefix: 16 };
  writeFileSync(files.conf, formatConf(conf), { mode: 0o600 });
  const person = (id: number, over: Row = {}): Row => ({
    ...{ id, name: `peer-${id}`, ip: `10.42.1.${id}`, public_key: keyOf(`peer ${id}`), endpoint: null },
    ...{ cidr_id: 3, is_redeemed: 1, invite_expires: 1_790_000_000, candidates: '[]', ...over },
  });
  const rows = () => ({
    cidrs: [
      { id: 1, name: 'acme', ip: '10.42.0.0', prefix: 16, parent: null },
      { id: 2, name: 'innernet-server', ip: '10.42.0.1', prefix: 32, parent: 1 },
      { id: 3, name: 'humans', ip: '10.42.1.0', prefix: 24, parent: 1 },
    ] as Row[],
    peers: [
      person(1, {
        name: 'innernet-server',
        ip: '10.42.0.1',
        public_key: keyOf('server'),
        cidr_id: 2,
        is_admin: 1,
      }),
      ...Array.from({ length: 20 }, (_, index) => person(index + 2)),
    ],
    associations: [{ id: 12, cidr_id_1: 2, cidr_id_2: 3 }] as Row[],
  });
  const goodFile = join(folder, 'good.db');
  makeInnernetFile(goodFile, rows());
  const good = readFileSync(goodFile);
  const hostileRows = (): void => {
    const tables = rows();
    for (let changes = 1 + below(dice, 3); changes > 0; changes -= 1) {
      const row = oneOf(dice, oneOf(dice, Object.values(tables)));
      const key = oneOf(dice, Object.keys(row));
      row[key] = oneOf<Row[string]>(dice, [
        ...[
          null,
          -1,
          0,
          1,
          3,
          2 ** 53,
          1e308,
          '10.42.0.1',
          '10.42.1.5',
          '::1',
          keyOf('server'),
          keyOf('peer 5'),
        ],
        oneOf(dice, NASTY_TEXTS),
      ]);
    }
    makeInnernetFile(files.foreignDatabase, tables, below(dice, 3));
  };
  const tried = new Tally();
  const wanted = roundsOr(120);
  while (tried.of('refused') < wanted) {
    for (const each of readdirSync(join(folder, 'lib'))) rmSync(join(folder, 'lib', each));
    const isRows = dice() < 0.5;
    try {
      if (isRows) hostileRows();
      else writeFileSync(files.foreignDatabase, spoiledBytes(dice, good));
    } catch {
      continue; // SQLite itself says no
    }
    tried.add(isRows ? 'hostile rows' : 'spoiled bytes');
    const before = readFileSync(files.foreignDatabase);
    const what = `${tried.of('refused')} refused before`;
    try {
      await importOnce(name, files, readConf(files.conf), () => {});
      const log = await openSqliteLog({ file: files.log, readModels: READ_MODELS });
      await verifyChain(log);
      await log.close();
      tried.add('taken over');
    } catch (error) {
      if (!(error instanceof Failure)) throw new Error(what, { cause: error });
      expect(readdirSync(join(folder, 'lib')), what).toEqual(['acme.db']);
      tried.add('refused');
    }
    expect(readFileSync(files.foreignDatabase).equals(before), what).toBe(true);
  }
  sayTried("R4 in SQLite, innernet 2.0's databases", tried.counts);
});
