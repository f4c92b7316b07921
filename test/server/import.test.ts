// Taking over a machine of innernet 2.0's server: once, whole or not at all, and its database stays as it was.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { formatConf, readConf } from '../../src/server/disk/conf.ts';
import { filesOf, type NetworkFiles } from '../../src/server/disk/files.ts';
import { loadNetwork } from '../../src/server/live/load-network.ts';
import { importOnce, warnOfForeignChanges } from '../../src/server/verbs/import.ts';
import { LocalPlane } from '../../src/server/verbs/local-plane.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { verifyChain } from '../../src/store/verify.ts';
import { Failure } from '../../src/values/failure.ts';
import { Ip } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { keyOf, keysOf } from '../acme.ts';
import { makeInnernetFile, type Row, type Tables } from '../store/innernet-file.ts';

const NAME = InterfaceName.parse('acme');

let folder: string;
let files: NetworkFiles;
let said: string[];
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'innernet-import-'));
  files = filesOf(NAME, { configDir: join(folder, 'etc'), dataDir: join(folder, 'lib') });
  said = [];
  for (const name of ['etc', 'lib']) mkdirSync(join(folder, name));
  writeConf('10.42.0.1', 16);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const writeConf = (address: string, prefix: number, owner = 'server'): void => {
  const { privateKey } = keysOf(owner);
  const conf = { privateKey, listenPort: 51_820, address: Ip.parse(address), prefix };
  writeFileSync(files.conf, formatConf(conf), { mode: 0o600 });
};

const person = (id: number, over: Row = {}): Row => ({
  id,
  name: `peer-${id}`,
  ip: `10.42.${(id >> 8) + 1}.${id & 255}`,
  public_key: keyOf(`peer ${id}`),
  endpoint: null,
  cidr_id: 3,
  is_redeemed: 1,
  invite_expires: 1_790_000_000,
  candidates: '[]',
  ...over,
});

const tables = (count: number): Tables => ({
  cidrs: [
    { id: 1, name: 'acme', ip: '10.42.0.0', prefix: 16, parent: null },
    { id: 2, name: 'innernet-server', ip: '10.42.0.1', prefix: 32, parent: 1 },
    { id: 3, name: 'humans', ip: '10.42.128.0', prefix: 17, parent: 1 },
    { id: 7, name: 'all others', ip: '10.42.0.0', prefix: 17, parent: 1 },
  ],
  peers: [
    {
      ...person(1, { name: 'innernet-server', ip: '10.42.0.1', public_key: keyOf('server'), cidr_id: 2 }),
      ...{ is_admin: 1, invite_expires: null, endpoint: 'vpn.example.org:51820' },
    },
    ...Array.from({ length: count }, (_, index) => person(index + 2, { cidr_id: 7 })),
    person(9_000, {
      ...{ name: 'eve', ip: '10.42.130.1', is_redeemed: 0, is_admin: 1, invite_expires: 1_900_000_000 },
    }),
    person(9_001, {
      ...{ name: 'bob', ip: '10.42.130.2', endpoint: '0.0.0.0:4000', is_disabled: 1 },
      candidates: '["192.168.7.7:51820"]',
    }),
  ],
  associations: [{ id: 12, cidr_id_1: 7, cidr_id_2: 3 }],
});

const run = (): Promise<void> =>
  importOnce(NAME, files, readConf(files.conf), (message) => said.push(message));

const refusal = async (): Promise<Failure> => {
  const before = listing();
  const error = await run().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Failure);
  expect(listing()).toEqual(before);
  return error as Failure;
};

/** Every file with its bytes. */
const listing = (): [string, string][] =>
  readdirSync(join(folder, 'lib')).map((name) => [
    name,
    readFileSync(join(folder, 'lib', name)).toString('base64'),
  ]);

const opened = () => openSqliteLog({ file: files.log, readModels: READ_MODELS });

/** The log holds all rows, in one commit, sound and with its read models. */
const expectWhole = async (peers: number): Promise<void> => {
  const log = await opened();
  try {
    const { position } = await verifyChain(log);
    const [first] = await log.read(0, 1);
    expect(first).toMatchObject({ type: 'NetworkImported', commitEnd: position });
    const network = await loadNetwork(log);
    expect([network.name, network.peerCount]).toEqual(['acme', peers]);
    expect(log.database.prepare('SELECT count(*) FROM peers').pluck().get()).toBe(peers);
  } finally {
    await log.close();
  }
};

describe('taking over', () => {
  it.each([0, 1, 2])(
    'a database of version %i: same ids, keys and all else, which stays as it was',
    async (version) => {
      makeInnernetFile(files.foreignDatabase, tables(20), version);
      const before = readFileSync(files.foreignDatabase);
      await run();
      expect(readFileSync(files.foreignDatabase).equals(before)).toBe(true);
      expect(readdirSync(join(folder, 'lib')).sort()).toEqual([
        'acme.db',
        'acme.events',
        'acme.observations',
      ]);
      await expectWhole(23);
      const log = await opened();
      const network = await loadNetwork(log);
      await log.close();
      const ends = version >= 1 ? '2030-03-17T17:46:40.000Z' : null;
      expect(network.peerNamed('eve')).toEqual({
        ...{ id: 9_000, name: 'eve', ip: '10.42.130.1', cidrId: 3, publicKey: keyOf('peer 9000') },
        ...{ isAdmin: true, isDisabled: false, isRedeemed: false, inviteExpires: ends, endpoint: null },
      });
      expect(network.peerNamed('bob')).toMatchObject({ isDisabled: true, endpoint: '0.0.0.0:4000' });
      expect(network.cidrNamed('all others')?.id).toBe(7);
      expect(network.nextIds).toEqual({ peer: 9_002, cidr: 8, association: 13, route: 1 });
      expect(JSON.parse(readFileSync(files.observations, 'utf8')).peers).toEqual(
        version >= 2 ? [{ id: 9_001, endpoint: null, reported: ['192.168.7.7:51820'] }] : [],
      );
      expect(said[0]).toContain('took over acme from');
      expect(said.join('\n')).toContain('CIDR "all others" has a name that could not be given here');
    },
  );

  it('happens once, and says so when the database changes afterwards', async () => {
    makeInnernetFile(files.foreignDatabase, tables(1));
    await run();
    const log = await opened();
    said = [];
    await run();
    await warnOfForeignChanges(log, files, (message) => said.push(message));
    expect(said).toEqual([]);
    const db = new Database(files.foreignDatabase);
    db.exec('UPDATE peers SET is_disabled = 1 WHERE id = 2');
    db.close();
    await warnOfForeignChanges(log, files, (message) => said.push(message));
    expect(said).toEqual([expect.stringContaining('has changed since it was taken over')]);
    await log.close();
  });

  it('does nothing where there is no such database', async () => {
    await run();
    expect(readdirSync(join(folder, 'lib'))).toEqual([]);
  });

  it('lets the verbs work on it at once, and tells them before what is to be done', async () => {
    makeInnernetFile(files.foreignDatabase, tables(1));
    const folders = { configDir: join(folder, 'etc'), dataDir: join(folder, 'lib') };
    await expect(LocalPlane.open(NAME, folders)).rejects.toThrow('until it has been served here once');
    await run();
    const plane = await LocalPlane.open(NAME, folders);
    await plane.execute({ type: 'RenameCidr', cidr: 'all others', name: 'others' as never });
    expect((await plane.view()).cidrs.map(({ name }) => name)).toContain('others');
    await plane.close();
  });
});

describe('stopped on the way', () => {
  let program: string;
  beforeAll(async () => {
    program = await bundleForRun(resolve('test/server/importer.ts'), 'run-importer');
  });
  const start = (): ChildProcess => {
    const child = spawn(process.execPath, [program, join(folder, 'etc'), join(folder, 'lib')]);
    children.push(child);
    return child;
  };

  /** Resolves when the draft of the log is there. */
  const drafted = async (child: ChildProcess): Promise<void> => {
    while (child.exitCode === null && !existsSync(`${files.log}.import`)) await sleep(1);
  };

  it('starts again, and never leaves half a network', async () => {
    makeInnernetFile(files.foreignDatabase, tables(500));
    const before = readFileSync(files.foreignDatabase);
    let unfinished = 0;
    for (const wait of [0, 30, 100, 300]) {
      rmSync(files.log, { force: true });
      const child = start();
      await drafted(child);
      await sleep(wait);
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
      if (!existsSync(files.log)) unfinished += 1;
      await run();
      await expectWhole(503);
      expect(readFileSync(files.foreignDatabase).equals(before)).toBe(true);
      expect(readdirSync(join(folder, 'lib')).filter((name) => /import|draft/.test(name))).toEqual([]);
    }
    console.log(`killed before the log was there: ${unfinished} times of 4`);
    expect(unfinished).toBeGreaterThan(0);
  }, 60_000);
});

describe('refused, with nothing changed', () => {
  it('while another program has the database open', async () => {
    makeInnernetFile(files.foreignDatabase, tables(1));
    const script = `const db = new (require('better-sqlite3'))(process.argv[1]);
      db.prepare('SELECT 1 FROM peers').get(); console.log('open'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['-e', script, files.foreignDatabase]);
    children.push(holder);
    await once(holder.stdout, 'data');
    const { message, hint } = await refusal();
    expect(message).toContain(`is open in node (process ${holder.pid})`);
    expect(hint).toContain('systemctl disable --now innernet-server@acme');
  });

  it.each<[string, () => void]>([
    ['the address of the server differs', () => writeConf('10.42.0.2', 16)],
    ['the key of the server differs', () => writeConf('10.42.0.1', 16, 'somebody')],
    ['the range of the network differs: 10.42.0.0/16 and 10.42.0.0/17', () => writeConf('10.42.0.1', 17)],
  ])('where conf and database do not belong together: %s', async (words, spoil) => {
    makeInnernetFile(files.foreignDatabase, tables(1));
    spoil();
    expect((await refusal()).message).toContain(words);
  });

  it('where rows contradict each other', async () => {
    const rows = tables(1);
    rows.peers.push(person(50, { cidr_id: 99 }));
    makeInnernetFile(files.foreignDatabase, rows);
    expect((await refusal()).message).toContain('peer 50 ("peer-50") belongs to CIDR 99');
  });

  it('where the log has been lost: the old database is not the network any more', async () => {
    makeInnernetFile(files.foreignDatabase, tables(1));
    await run();
    const plane = await LocalPlane.open(NAME, {
      configDir: join(folder, 'etc'),
      dataDir: join(folder, 'lib'),
    });
    await plane.execute({ type: 'RenameCidr', cidr: 'all others', name: 'others' as never });
    await plane.close();
    rmSync(files.log);
    expect((await refusal()).message).toMatch(/acme\.events is missing, and .* has seen it at position/);
  });
});
