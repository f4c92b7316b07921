// What every engine of the log must do, as cases that throw where it does not.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EventRecord } from '../../src/events/record.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { readCommits } from '../../src/store/follow.ts';
import type { EventLog, NewCommit } from '../../src/store/log.ts';
import { verifyChain } from '../../src/store/verify.ts';
import { NO_HASH } from '../../src/values/id.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, associated, associationId, ids, keyOf } from '../acme.ts';
import { append, commitOf, NOON, OPERATOR, tempFolder } from './temp-log.ts';

export type Engine = {
  name: string;
  /** A new, empty log; `other` opens it as a further program does, `beside` as one on the same machine. */
  create(): Promise<{ log: EventLog; other: () => Promise<EventLog>; beside?: () => Promise<EventLog> }>;
  /** Opens what `backup` wrote. */
  restored(file: string): Promise<EventLog>;
  /** Where another machine's appends arrive a moment later: waits until they are here. */
  level?(log: EventLog): Promise<void>;
};

type Case = { title: string; run: (engine: Engine) => Promise<void> };

const disabled: NetworkEvent = { type: 'PeerDisabled', peerId: ids.bob };
const ann = '{"kind":"peer","peerId":2}';

/** A log of acme's network, and the ways to it. */
const acmeOn = async (engine: Engine, ...more: (readonly NetworkEvent[] | NewCommit)[]) => {
  const opened = await engine.create();
  await append(opened.log, commitOf(acme.network));
  for (const commit of more)
    await append(opened.log, 'events' in commit ? commit : commitOf(commit as readonly NetworkEvent[]));
  return { ...opened, end: acme.network.length };
};

const at = (second: number): Timestamp => NOON.replace(':00.000', `:${second}.000`) as Timestamp;

const whole = { after: 0, until: 1_000, limit: 1_000, reverse: false };

/** With salts as text: an engine may give them as a Buffer. */
const plain = (records: readonly EventRecord[]) =>
  records.map((record) => ({ ...record, salt: Buffer.from(record.salt).toString('hex') }));

const positions = (records: readonly { position: number }[]) => records.map(({ position }) => position);

export const CASES: readonly Case[] = [
  {
    title: 'is empty at first',
    run: async (engine) => {
      const { log } = await engine.create();
      expect(await log.head()).toEqual({ position: 0, hash: NO_HASH });
      expect(await log.networkId()).toBeUndefined();
      expect(await log.read(0, 10)).toEqual([]);
      expect(log.broken).toBeUndefined();
    },
  },
  {
    title: 'keeps commits whole and in order, and every record as it was sealed',
    run: async (engine) => {
      const { log, other } = await engine.create();
      await append(log, commitOf(acme.created));
      const { head, commits: answers } = await append(log, commitOf([acme.humans]), commitOf(acme.ann));
      const commits = await readCommits(await other(), 0);
      const ends = [
        [0, 4],
        [4, 5],
        [5, 7],
      ];
      expect(commits.map(({ from, to }) => [from, to])).toEqual(ends);
      expect(answers.map(({ from, to }) => [from, to])).toEqual(ends.slice(1));
      expect(answers.map(({ records }) => plain(records))).toEqual(
        commits.slice(1).map(({ records }) => plain(records)),
      );
      expect(answers.map(({ hash }) => hash)).toEqual(
        commits.slice(1).map(({ records }) => records.at(-1)?.hash),
      );
      expect(commits.flatMap(({ events }) => events)).toEqual([...acme.created, acme.humans, ...acme.ann]);
      expect(await log.head()).toEqual(head);
      expect(await verifyChain(log)).toEqual(head);
      expect(await log.networkId()).toBe(commits[0]?.records[0]?.hash);
    },
  },
  {
    title: 'reads pages of any size, also through the middle of a commit',
    run: async (engine) => {
      const { log } = await acmeOn(engine);
      expect(positions(await log.read(3, 4))).toEqual([4, 5, 6, 7]);
      expect(positions(await log.read(acme.network.length, 4))).toEqual([]);
      const [commit] = await readCommits(log, 0, 3);
      expect(commit?.events).toEqual(acme.network);
    },
  },
  {
    title: 'takes nothing when it does not end where expected',
    run: async (engine) => {
      const { log, end } = await acmeOn(engine);
      for (const expected of [end - 1, end + 1])
        expect(await log.append(expected, [commitOf([disabled])])).toEqual({ kind: 'conflict' });
      expect(await log.head()).toMatchObject({ position: end });
    },
  },
  {
    title: 'takes none of several commits when one command id is known',
    run: async (engine) => {
      const { log, end } = await acmeOn(engine, commitOf([disabled], 'a'));
      const both = [commitOf([disabled], 'b'), commitOf([disabled], 'a')];
      expect(await log.append(end + 1, both)).toEqual({ kind: 'conflict' });
      expect(await log.commitOf(OPERATOR, 'b')).toBeUndefined();
      expect(await log.head()).toMatchObject({ position: end + 1 });
    },
  },
  {
    title: 'keeps answers, also where nothing was appended, by their actor',
    run: async (engine) => {
      const { other, end } = await acmeOn(engine, commitOf([disabled], 'a'), commitOf([], 'b'));
      const log = await other();
      expect(await log.commitOf(OPERATOR, 'a')).toMatchObject({ commandId: 'a', from: end, to: end + 1 });
      expect(await log.commitOf(OPERATOR, 'b')).toMatchObject({ commandId: 'b', from: end + 1, to: end + 1 });
      expect(await log.commitOf(ann, 'a')).toBeUndefined();
      const { commandDigest } = commitOf([], 'a');
      expect(await log.commitOf(OPERATOR, 'a')).toMatchObject({ actor: OPERATOR, commandDigest });
    },
  },
  {
    title: 'takes many commits in one append',
    run: async (engine) => {
      const { log, end } = await acmeOn(engine);
      const many = Array.from({ length: 256 }, () => commitOf([disabled]));
      const { head } = await append(log, ...many);
      expect(head.position).toBe(end + 256);
      expect(await verifyChain(log)).toEqual(head);
    },
  },
  {
    title: 'lets two programs go on from each other, and has one winner at one position',
    run: async (engine) => {
      const { log, other, end } = await acmeOn(engine);
      const logs = [log, await other(), await other()];
      const results = await Promise.all(logs.map((each) => each.append(end, [commitOf([disabled])])));
      expect(results.map(({ kind }) => kind).sort()).toEqual(['committed', 'conflict', 'conflict']);
      for (const each of logs) {
        await engine.level?.(each);
        await append(each, commitOf([disabled]));
      }
      for (const each of logs) await engine.level?.(each);
      expect((await verifyChain(log)).position).toBe(end + 4);
      for (const each of logs) expect((await each.head()).position).toBe(end + 4);
    },
  },
  {
    title: 'wakes who listens, whoever wrote, until that ends',
    run: async (engine) => {
      const { log, other } = await acmeOn(engine);
      const wokenBy = async (writer: EventLog): Promise<void> => {
        let unsubscribe = (): void => {};
        const woken = new Promise<void>((resolve) => {
          unsubscribe = log.wake(resolve);
        });
        await append(writer, commitOf([disabled]));
        await woken;
        unsubscribe();
      };
      const calls: string[] = [];
      log.wake(() => void calls.push('ended'))();
      await wokenBy(log);
      await wokenBy(await other());
      expect(calls).toEqual([]);
    },
  },
  {
    title: 'has a witness of its head',
    run: async (engine) => {
      const { log } = await engine.create();
      expect(await log.witness()).toBeUndefined();
      const { head } = await append(log, commitOf(acme.network));
      expect(await log.witness()).toMatchObject(head);
      await log.checkStorage();
    },
  },
  {
    title: 'is copied into a new file, never over another',
    run: async (engine) => {
      const { log } = await acmeOn(engine);
      const file = join(tempFolder(), 'copy');
      const head = await log.backup(file);
      expect(head).toEqual(await log.head());
      await append(log, commitOf([disabled]));
      expect(await verifyChain(await engine.restored(file))).toEqual(head);
      await expect(log.backup(file)).rejects.toThrow('exists already');
      expect(existsSync(file)).toBe(true);
    },
  },
  {
    title: 'keeps states, and gives the newest that fits',
    run: async (engine) => {
      const { log, other, beside = other } = await acmeOn(engine);
      const old = { ...(await log.head()), codeVersion: '1', body: '{"at":"old, ü€😀"}' };
      await log.saveState(old);
      const { head } = await append(log, commitOf([disabled]));
      const young = { ...head, codeVersion: '1', body: '{"at":"young"}' };
      await log.saveState(young);
      const reader = await beside();
      expect(await reader.loadState('1', 1_000)).toEqual(young);
      expect(await reader.loadState('1', head.position - 1)).toEqual(old);
      expect(await reader.loadState('1', old.position - 1)).toBeUndefined();
      expect(await reader.loadState('2', 1_000)).toBeUndefined();
      await log.saveState({ ...young, hash: NO_HASH });
      expect(await reader.loadState('1', 1_000)).not.toMatchObject({ hash: NO_HASH });
      await log.dropStates();
      expect(await reader.loadState('1', 1_000)).toBeUndefined();
    },
  },
  {
    title: 'finds records by type, by actor and by what they are about',
    run: async (engine) => {
      const { log, end } = await acmeOn(
        engine,
        { ...commitOf([{ type: 'PeerRenamed', peerId: ids.bob, name: 'rob' }]), actor: ann },
        [associated(ids.engineers, ids.machines), disabled],
        [{ type: 'AssociationDeleted', associationId: associationId(1) }],
      );
      const { queries } = log;
      expect(queries.actors().toSorted()).toEqual([OPERATOR, ann].toSorted());
      const find = (filter: Parameters<typeof queries.records>[0], stretch = {}) =>
        positions(queries.records(filter, { ...whole, ...stretch }));
      expect(find({}, { after: 2, until: 7, limit: 3 })).toEqual([3, 4, 5]);
      expect(find({}, { after: 2, until: 7, limit: 3, reverse: true })).toEqual([7, 6, 5]);
      expect(find({ actors: [ann] })).toEqual([end + 1]);
      expect(find({ types: ['PeerDisabled', 'PeerRenamed'] })).toEqual([end + 1, end + 3]);
      const about = { about: [{ kind: 'peer', id: ids.bob } as const] };
      expect(find(about, { after: end })).toEqual([end + 1, end + 3]);
      expect(find({ ...about, types: ['PeerDisabled'] })).toEqual([end + 3]);
      const machines = queries.records({ about: [{ kind: 'cidr', id: ids.machines }] }, whole);
      expect(machines.map(({ type }) => type)).toEqual([
        ...['CidrAdded', 'PeerAdded', 'AssociationAdded', 'AssociationDeleted'],
      ]);
      expect(find({ about: [{ kind: 'association', id: associationId(1) }] })).toEqual([end + 2, end + 4]);
      const [told] = queries.records({}, { ...whole, limit: 1 });
      expect((await log.read(0, 1))[0]).toMatchObject(told ?? {});
    },
  },
  {
    title: 'finds what decides whether two peers can talk',
    run: async (engine) => {
      const { log, end } = await acmeOn(
        engine,
        [associated(ids.humans, ids.machines, 1), associated(ids.engineers, ids.bakers, 2)],
        [{ type: 'AdminRevoked', peerId: ids.ann }, disabled],
        [{ type: 'PeerDisabled', peerId: ids.oven }],
      );
      const types = (until: number) =>
        log.queries
          .recordsOfPair([ids.ann, ids.oven], until)
          .map(({ type, position }) => `${position} ${type}`);
      expect(types(1_000)).toContain(`${end + 1} AssociationAdded`);
      expect(types(1_000).at(-1)).toBe(`${end + 5} PeerDisabled`);
      expect(types(end + 1).at(-1)).toBe(`${end + 1} AssociationAdded`);
      expect(types(1_000)).not.toContain(`${end + 4} PeerDisabled`);
      expect(log.queries.recordsOfPair([ids.ann, ids.oven], 1_000)[0]).toEqual((await log.read(1, 1))[0]);
    },
  },
  {
    title: 'tells the digests and times of a stretch',
    run: async (engine) => {
      const timed = (second: number) => ({ ...commitOf([disabled]), recordedAt: at(second) });
      const { log, end } = await acmeOn(engine, timed(30), timed(20), timed(40));
      const { queries } = log;
      const digests = (await log.read(2, 3)).map(({ digest }) => digest);
      expect(queries.digests(2, 5)).toEqual(digests);
      expect(queries.earliest(end, end + 3)).toBe(at(20));
      expect(queries.earliest(end + 3, end + 9)).toBeUndefined();
      expect(queries.lastRecordedBy(at(25), end, end + 3)).toBe(end + 2);
      expect(queries.lastRecordedBy(at(35), end, end + 3)).toBe(end + 2);
      expect(queries.lastRecordedBy(at(10), end, end + 3)).toBeUndefined();
    },
  },
  {
    title: 'tells names as they were at any position',
    run: async (engine) => {
      const rename = (name: string): NetworkEvent[] => [{ type: 'PeerRenamed', peerId: ids.bob, name }];
      const { log, end } = await acmeOn(engine, rename('rob'), [disabled], rename('bert'), rename('rob'));
      const { queries } = log;
      const bob = { kind: 'peer', id: ids.bob } as const;
      const [first] = queries.namesOf(bob, 0, 'onward');
      expect(first).toMatchObject({ name: 'bob', until: end + 1 });
      expect(queries.namesOf(bob, end + 2, 'onward')).toEqual([
        { name: 'rob', from: end + 1, until: end + 3 },
        { name: 'bert', from: end + 3, until: end + 4 },
        { name: 'rob', from: end + 4, until: end + 5 },
      ]);
      expect(queries.namesOf(bob, end + 2, 'back')).toEqual([
        first,
        { name: 'rob', from: end + 1, until: end + 3 },
      ]);
      expect(queries.namesOf({ kind: 'cidr', id: 99 }, 5, 'onward')).toEqual([]);
      expect(queries.everCalled('rob')).toEqual([{ ...bob, from: end + 4 }]);
      expect(queries.everCalled('bob')).toEqual([{ ...bob, from: first?.from }]);
      expect(queries.everCalled('nobody')).toEqual([]);
    },
  },
  {
    title: 'lists peers, CIDRs and associations',
    run: async (engine) => {
      const { log } = await acmeOn(
        engine,
        [associated(ids.engineers, ids.machines, 1), associated(ids.bakers, ids.machines, 2)],
        [
          { type: 'AssociationDeleted', associationId: associationId(1) },
          { type: 'CidrRenamed', cidrId: ids.machines, name: 'robots' },
          { type: 'PeerDisabled', peerId: ids.ryo },
          { type: 'PeerDeleted', peerId: ids.bob },
          { type: 'CidrDeleted', cidrId: ids.bakers },
        ],
      );
      const { queries } = log;
      expect(queries.peers().map(({ id, isDisabled, ended }) => [id, isDisabled, ended])).toEqual([
        [ids.server, false, null],
        [ids.ann, false, null],
        [ids.ryo, true, null],
        [ids.bob, false, 'deleted'],
        [ids.oven, false, null],
        [ids.eve, false, null],
      ]);
      const [bob] = queries.peers({ name: 'bob' });
      expect(bob).toMatchObject({ id: ids.bob, cidrId: ids.bakers, publicKey: keyOf('bob') });
      expect(queries.peers({ publicKey: keyOf('bob') })).toEqual([bob]);
      expect(bob && queries.peers({ ip: bob.ip })).toEqual([bob]);
      expect(queries.cidrs().map(({ name }) => name)).toEqual([
        ...['acme', 'innernet-server', 'humans', 'engineers', 'robots'],
      ]);
      const [robots] = queries.cidrs({ name: 'robots' });
      expect(robots && queries.cidrs({ cidr: robots.cidr })).toEqual([robots]);
      expect(queries.associations()).toEqual([
        { id: 1, cidrIds: [ids.engineers, ids.machines] },
        { id: 2, cidrIds: [ids.bakers, ids.machines] },
      ]);
      expect(queries.endsOf(associationId(1))).toEqual([ids.engineers, ids.machines]);
      expect(queries.endsOf(associationId(9))).toBeUndefined();
    },
  },
];
