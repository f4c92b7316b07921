// The read models: what they say of acme, and that making them again gives the very same rows.
import { readdirSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Network } from '../../src/domain/network.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { Thing } from '../../src/events/subject.ts';
import { NamesAt } from '../../src/projections/names.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import type { PeerRow } from '../../src/store/queries.ts';
import { rebuild } from '../../src/store/rebuild.ts';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import type { Position } from '../../src/values/id.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, associated, associationId, endpoint, ids, keyOf } from '../acme.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';

/** Things that happened after the fixture's network stood. */
const later: readonly NetworkEvent[] = [
  { type: 'PeerRenamed', peerId: ids.bob, name: 'bobby' },
  { type: 'PeerDisabled', peerId: ids.ryo },
  { type: 'PeerDisabled', peerId: ids.oven },
  { type: 'PeerEnabled', peerId: ids.oven },
  { type: 'AdminGranted', peerId: ids.oven },
  { type: 'AdminRevoked', peerId: ids.ann },
  associated(ids.engineers, ids.machines, 1),
  associated(ids.bakers, ids.machines, 2),
  { type: 'AssociationDeleted', associationId: associationId(1) },
  { type: 'EndpointOverrideSet', peerId: ids.bob, endpoint: endpoint('192.0.2.7:1000') },
  { type: 'EndpointOverrideSet', peerId: ids.oven, endpoint: endpoint('192.0.2.8:1000') },
  { type: 'EndpointOverrideCleared', peerId: ids.oven },
  { type: 'ServerEndpointChanged', endpoint: endpoint('vpn.example.net:51821') },
  { type: 'CidrRenamed', cidrId: ids.humans, name: 'people' },
  { type: 'ProofRequired' },
  { type: 'ProofWaived', peerId: ids.bob },
  { type: 'PeerProved', peerId: ids.oven },
  {
    type: 'InvitationReissued',
    peerId: ids.eve,
    publicKey: keyOf("eve's second invitation"),
    inviteExpires: '2026-12-01T12:00:00.000Z' as Timestamp,
  },
];

const goodbye: readonly NetworkEvent[] = [
  { type: 'InvitationExpired', peerId: ids.eve },
  { type: 'PeerDeleted', peerId: ids.bob },
  { type: 'CidrDeleted', cidrId: ids.bakers },
];

const logOf = async (...commits: (readonly NetworkEvent[])[]): Promise<SqliteLog> => {
  const log = await tempLog();
  for (const events of commits) await append(log, commitOf(events));
  return log;
};

const TABLES = READ_MODELS.projections.flatMap(({ tables }) => tables);

const rows = (file: string) => {
  const db = new Database(file, { readonly: true });
  const all = TABLES.map((table) => [
    table,
    db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3`).raw().all(),
  ]);
  db.close();
  return Object.fromEntries(all);
};

describe('peers', () => {
  it('are listed as they are now', async () => {
    const { queries } = await logOf(acme.network, later);
    const summary = queries.peers().map((peer) => `${peer.name} ${peer.cidrId} ${peer.isDisabled}`);
    expect(summary).toEqual([
      `innernet-server ${ids.serverCidr} false`,
      `ann ${ids.engineers} false`,
      `ryo ${ids.engineers} true`,
      `bobby ${ids.bakers} false`,
      `oven ${ids.machines} false`,
      `eve ${ids.bakers} false`,
    ]);
    expect(queries.peers({ name: 'ann' })).toMatchObject([
      { id: ids.ann, publicKey: keyOf('ann'), ip: acme.at('engineers', 1) },
    ]);
    expect(queries.peers({ name: 'eve' })[0]?.publicKey).toBe(keyOf("eve's second invitation"));
  });

  it('that are gone say how they ended', async () => {
    const { queries } = await logOf(acme.network, later, goodbye);
    expect(queries.peers().map(({ id, ended }) => [id, ended])).toEqual([
      [ids.server, null],
      [ids.ann, null],
      [ids.ryo, null],
      [ids.bob, 'deleted'],
      [ids.oven, null],
      [ids.eve, 'expired'],
    ]);
  });
});

it('topology has the CIDRs of now', async () => {
  const { queries } = await logOf(acme.network, later, goodbye);
  expect(queries.cidrs().map(({ name }) => name)).toEqual([
    ...['acme', 'innernet-server', 'people', 'engineers', 'machines'],
  ]);
});

const GOLDEN = 'test/events/golden';

it.each(readdirSync(GOLDEN))('after %s, peers and CIDRs are what the rules make of it', async (file) => {
  const { event } = JSON.parse(readFileSync(`${GOLDEN}/${file}`, 'utf8'));
  if (/^(Network|.*Added)/.test(event.type)) return; // the others are about what acme has
  const network = new Network();
  for (const each of [...acme.network, event]) network.evolve(each);
  const { queries } = await logOf(acme.network, [event]);
  const shown = ({ id, name, ip, cidrId, publicKey, isDisabled }: Omit<PeerRow, 'ended'>) =>
    `${id} ${name} ${ip} ${cidrId} ${publicKey} ${isDisabled}`;
  const present = queries.peers().filter(({ ended }) => ended === null);
  expect(present.map(shown)).toEqual([...network.peers()].map(shown));
  expect(queries.cidrs().map(({ id, name }) => [id, name])).toEqual(
    [...network.cidrs()].map(({ id, name }) => [id, name]),
  );
});

it('names are found as they were at any position', async () => {
  const log = await logOf(acme.network, later, goodbye);
  const renamed = (acme.network.length + 1) as Position;
  const names = new NamesAt(log.queries);
  const nameOfBob = (position: Position) => names.nameOf('peer', ids.bob, position);
  expect(nameOfBob(1)).toBeUndefined();
  expect(nameOfBob(renamed - 1)).toBe('bob');
  expect(nameOfBob(renamed)).toBe('bobby');
  expect(nameOfBob((await log.head()).position)).toBe('bobby');
  expect(names.nameOf('cidr', ids.humans, renamed)).toBe('humans');
});

it('names are found as they were in whatever order they are asked for, also as new ones come', async () => {
  const rename = (number: number): NetworkEvent => ({
    ...{ type: 'PeerRenamed', peerId: number % 3 === 0 ? ids.eve : ids.bob },
    name: `name-${number}`,
  });
  const renames = Array.from({ length: 120 }, (_, number) => rename(number));
  const log = await logOf(acme.network, renames);
  const first = acme.network.length + 1;
  const expected = (position: number, peer: number): string => {
    for (let number = position - first; number >= 0; number -= 1)
      if ((number % 3 === 0 ? ids.eve : ids.bob) === peer) return `name-${number}`;
    return peer === ids.eve ? 'eve' : 'bob';
  };
  const names = new NamesAt(log.queries);
  const onward = Array.from({ length: 121 }, (_, index) => first - 1 + index);
  const wild = onward.map((_, index) => first + ((index * 53) % 120));
  for (const position of [...onward, ...onward.toReversed(), ...wild])
    for (const peer of [ids.eve, ids.bob])
      expect([position, peer, names.nameOf('peer', peer, position as Position)]).toEqual([
        ...[position, peer, expected(position, peer)],
      ]);
  const { head } = await append(log, commitOf([{ type: 'PeerRenamed', peerId: ids.bob, name: 'robert' }]));
  expect(names.nameOf('peer', ids.bob, head.position)).toBe('robert');
});

it('the read models lead from a thing to all events about it', async () => {
  const log = await logOf(
    acme.network,
    [associated(ids.engineers, ids.machines, 1)],
    [{ type: 'AssociationDeleted', associationId: associationId(1) }],
  );
  const whole = { after: 0, until: 100, limit: 100, reverse: false };
  const about = (...things: Thing[]) => log.queries.records({ about: things }, whole).map(({ type }) => type);
  expect(about({ kind: 'cidr', id: ids.machines })).toEqual([
    'CidrAdded',
    'PeerAdded',
    'AssociationAdded',
    'AssociationDeleted',
  ]);
  expect(about({ kind: 'peer', id: ids.oven })).toEqual(['PeerAdded', 'InvitationRedeemed']);
  const association = { kind: 'association', id: associationId(1) } as const;
  expect(about(association)).toEqual(['AssociationAdded', 'AssociationDeleted']);
  expect(about(association, { kind: 'peer', id: ids.oven })).toHaveLength(4);
});

describe('made again from the log', () => {
  it('they are what they were', async () => {
    const log = await logOf(acme.network, later, goodbye);
    const before = rows(log.file);
    const schema = () => log.database.prepare('SELECT name FROM sqlite_schema ORDER BY name').pluck().all();
    const tables = schema();
    const db = new Database(log.file);
    db.exec(TABLES.map((table) => `DELETE FROM ${table};`).join(''));
    await rebuild(db, READ_MODELS.projections);
    db.close();
    expect(rows(log.file)).toEqual(before);
    expect(schema()).toEqual(tables);
    await append(log, commitOf([{ type: 'PeerEnabled', peerId: ids.ryo }]));
    expect(log.queries.peers({ name: 'ryo' })[0]?.isDisabled).toBe(false);
  });

  it('they are the old ones until the new ones are done, and stay so where that fails', async () => {
    const log = await logOf(acme.network, later);
    const before = rows(log.file);
    const db = new Database(log.file);
    db.exec(`UPDATE peers SET name = 'old'`);
    const old = rows(log.file);
    const fails = rebuild(db, READ_MODELS.projections, (position) => {
      expect(rows(log.file)).toEqual(old);
      if (position > 0) throw new Error('killed');
    });
    await expect(fails).rejects.toThrow('killed');
    expect(rows(log.file)).toEqual(old);
    await rebuild(db, READ_MODELS.projections);
    db.close();
    expect(rows(log.file)).toEqual(before);
  });
});
