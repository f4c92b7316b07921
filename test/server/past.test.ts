// Questions to a log and their answers, over real files: what was, who did it, why it is so, how to undo it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Actor, actorText } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import type { AnswerTo, QuestionOf } from '../../src/protocol/past.ts';
import { LogPast } from '../../src/server/past/past.ts';
import type { NewCommit } from '../../src/store/log.ts';
import { openSqliteLog, type SqliteLog } from '../../src/store/sqlite-log.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, associated, associationId, ids, keyOf, peerId } from '../acme.ts';
import { append, commitOf, tempLog } from '../store/temp-log.ts';

const ann: Actor = { kind: 'peer', peerId: ids.ann };
const root: Actor = { kind: 'operator', uid: 0, user: 'rita' };

let minute = 0;
/** A commit, each a minute after the one before. */
const by = (actor: Actor, ...events: NetworkEvent[]): NewCommit => ({
  ...commitOf(events),
  actor: actorText(actor),
  recordedAt: new Date(Date.parse('2026-11-20T12:00:00.000Z') + 60_000 * minute++).toISOString() as Timestamp,
});

const joined = associated(ids.humans, ids.machines);

/** acme's first week: positions 1–8 are its ranges, then people join; at 18 a door is opened, at 21 it is closed. */
const week = (): NewCommit[] => {
  minute = 0;
  return [
    by(root, ...acme.created), // 1–4
    by(root, acme.humans, acme.engineers, acme.bakers, acme.machines), // 5–8
    by(root, acme.ann[0]!), // 9
    by(ann, acme.ann[1]!), // 10
    by(ann, ...acme.ryo), // 11, 12
    by(ann, ...acme.bob), // 13, 14
    by(ann, ...acme.oven), // 15, 16
    by(root, acme.eve), // 17
    by(ann, joined), // 18
    by(ann, { type: 'PeerRenamed', peerId: ids.bob, name: 'bert' }), // 19
    by(
      root,
      { type: 'PeerDisabled', peerId: ids.oven },
      { type: 'CidrRenamed', cidrId: ids.bakers, name: 'cooks' },
    ), // 20, 21
    by(root, { type: 'AssociationDeleted', associationId: associationId(1) }), // 22
    by({ kind: 'server' }, { type: 'InvitationExpired', peerId: ids.eve }), // 23
    by(ann, { ...acme.eve, peerId: peerId(7), publicKey: keyOf('7') }), // 24: another eve
  ];
};

/** A log of one's own, to go on with. */
const past = async (...more: NewCommit[]): Promise<{ past: LogPast; log: SqliteLog }> => {
  const log = await tempLog();
  await append(log, ...week(), ...more);
  return { past: new LogPast(log), log };
};

/** The week as all read it. */
let log: SqliteLog;
let asked: LogPast;
beforeAll(async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'innernet-past-')), 'acme.events');
  log = await openSqliteLog({ file, readModels: READ_MODELS, mode: 'create' });
  await append(log, ...week());
  asked = new LogPast(log);
});
afterAll(async () => {
  await log.close();
  rmSync(dirname(log.file), { recursive: true });
});

type Filter = Partial<Omit<QuestionOf<'history'>, 'ask'>>;

/** The positions that a filter lets through, a page of two at a time. */
const positions = async (filter: Filter): Promise<number[]> => {
  const found: number[] = [];
  let [after, until] = [filter.after ?? 0, filter.until ?? 24];
  while (after < until) {
    const page = await asked.ask({
      ask: 'history',
      ...filter,
      after,
      until,
      limit: 2,
    } as QuestionOf<'history'>);
    found.push(...page.entries.map(({ position }) => position));
    if (filter.reverse) until = page.end;
    else after = page.end;
  }
  return found;
};

describe('history', () => {
  const lets = (what: string, filter: Filter, expected: number[]) =>
    it(what, async () => expect(await positions(filter)).toEqual(expected));

  lets('what came after a position, up to another', { after: 20, until: 22 }, [21, 22]);
  lets('the newest first', { after: 20, reverse: true }, [24, 23, 22, 21]);
  lets('by type, in any spelling', { types: ['PeerRenamed', 'cidrrenamed'] }, [19, 21]);
  lets('by a peer', { actor: 'ann', after: 17 }, [18, 19, 24]);
  lets('by a user of the server', { actor: 'rita', after: 16 }, [17, 20, 21, 22]);
  lets('by the server itself', { actor: 'server' }, [23]);
  lets('about a peer, by the name it had then', { about: 'bob' }, [13, 14, 19]);
  lets('about a peer, by the name it has now', { about: 'bert' }, [13, 14, 19]);
  lets('about a peer, by its address', { about: '10.42.129.1' }, [13, 14, 19]);
  lets('about a CIDR, by either name', { about: 'cooks' }, [7, 13, 17, 21, 24]);
  lets('about an association, by its CIDRs', { about: 'machines and humans' }, [18, 22]);
  lets('about one of two by the same name', { about: 'eve@17' }, [17, 23]);
  lets('about the other', { about: 'eve@24' }, [24]);
  lets('about one of two of different kinds', { about: 'cidr:innernet-server' }, [3, 4]);
  lets('everything at once', { about: 'machines', actor: 'rita', types: ['AssociationDeleted'] }, [22]);

  const refuses = (what: string, filter: Filter, message: string) =>
    it(`says no to ${what}`, async () => expect(positions(filter)).rejects.toThrow(message));

  refuses(
    'a name that nothing ever had',
    { about: 'mallory' },
    'no peer, CIDR, route or association was ever called "mallory"',
  );
  refuses(
    'a name that two things had',
    { about: 'eve' },
    '"eve" can mean 2 things: the peer added at position 17, the peer added at position 24',
  );
  refuses('a name that nobody had then', { about: 'eve@3' }, 'no peer, CIDR, route or association');
  refuses('an actor that never was', { actor: 'mallory' }, 'nobody called "mallory" ever did anything');
  refuses('a type that is none', { types: ['PeerVanished'] }, 'there is no type of event "PeerVanished"');

  it('tells each event in a sentence whose moments are in UTC', async () => {
    const { entries } = await asked.ask({ ask: 'history', after: 16, until: 17, limit: 10 });
    expect(entries).toMatchObject([
      {
        position: 17,
        actor: { kind: 'operator', name: 'rita' },
        sentence:
          'rita on the server added peer eve (10.42.129.2) to bakers, invitation until 2026-11-22T13:00:00.000Z',
      },
    ]);
  });

  it('waits for what is to come, and hands it over when it is there', async () => {
    const own = await past();
    const waiting = own.past.ask({ ask: 'history', after: 24, limit: 10, wait: true });
    await append(own.log, by(ann, { type: 'PeerDisabled', peerId: ids.bob }));
    expect(await waiting).toMatchObject({ entries: [{ position: 25 }], end: 25 });
  });
});

describe('places', () => {
  it('a position within a commit means its end; a time the last commit before it', async () => {
    const at = async (moment: number | string) =>
      (await asked.ask({ ask: 'place', at: moment as never })).position;
    expect(await at(0)).toBe(0);
    expect(await at(5)).toBe(8);
    expect(await at('2026-11-20T12:01:59.999Z')).toBe(8);
    expect(await at('2026-11-20T12:02:00.000Z')).toBe(9);
    expect(await at('2027-01-01T00:00:00.000Z')).toBe(24);
  });

  it('a clock that went back changes no order: the last record before the time counts', async () => {
    const early = {
      ...by(ann, { type: 'PeerDisabled', peerId: ids.bob }),
      recordedAt: '2026-11-20T12:03:00.000Z' as Timestamp,
    };
    const own = await past(early);
    const { position } = await own.past.ask({ ask: 'place', at: '2026-11-20T12:04:00.000Z' as Timestamp });
    expect(position).toBe(25);
  });

  it('there is nothing beyond the head, and nothing before the beginning but the beginning', async () => {
    await expect(asked.ask({ ask: 'state', at: 25 })).rejects.toThrow(
      'the log ends at position 24: there is no position 25 yet',
    );
    const early = '2026-11-20T11:59:00.000Z' as Timestamp;
    expect(await asked.ask({ ask: 'state', at: early })).toMatchObject({
      position: 0,
      time: null,
      peers: [],
    });
    const { from, peers } = await asked.ask({ ask: 'diff', from: early });
    expect([from.position, peers.added.some(({ name }) => name === 'ann')]).toEqual([0, true]);
    expect((await asked.ask({ ask: 'place', at: early, orBeginning: true })).position).toBe(0);
  });
});

describe('state', () => {
  it('is the network as it was', async () => {
    const then = await asked.ask({ ask: 'state', at: 18 });
    expect(then).toMatchObject({ network: 'acme', position: 18, time: '2026-11-20T12:08:00.000Z' });
    expect(then.peers.map(({ name }) => name)).toEqual([
      'innernet-server',
      'ann',
      'ryo',
      'bob',
      'oven',
      'eve',
    ]);
    expect(then.associations).toEqual([{ id: 1, cidrIds: [ids.humans, ids.machines] }]);
    const now = await asked.ask({ ask: 'state' });
    expect(now.peers.map(({ name }) => name)).toEqual([
      'innernet-server',
      'ann',
      'ryo',
      'bert',
      'oven',
      'eve',
    ]);
    expect(now.associations).toEqual([]);
  });

  it('is the same from a stored state as from the first event', async () => {
    const own = await past();
    const { storeState } = await import('../../src/server/live/load-network.ts');
    const { networkAt } = await import('../../src/server/past/places.ts');
    const before = await own.past.ask({ ask: 'state', at: 22 });
    await storeState(own.log, await networkAt(own.log, { position: 18 }));
    expect(await own.past.ask({ ask: 'state', at: 22 })).toEqual(before);
  });
});

describe('diff', () => {
  it('says what came, went and changed, and who can reach whom', async () => {
    const found = await asked.ask({ ask: 'diff', from: 17, to: 18 });
    expect(found.associations.added).toMatchObject([{ cidrs: ['humans', 'machines'] }]);
    expect(reach(found.reach.gained)).toEqual(['ann,ryo – oven', 'bob – oven']);
    const back = await asked.ask({ ask: 'diff', from: 18 });
    expect(reach(back.reach.lost)).toEqual(['oven – innernet-server,ann,ryo,bob'].sort());
    expect(back.cidrs.changed.map(({ after }) => after.name)).toEqual(['cooks']);
    expect(back.peers.removed.map(({ id }) => id)).toEqual([ids.eve]);
    expect(back.peers.added.map(({ id }) => id)).toEqual([7]);
  });

  it('wants the earlier moment first', async () =>
    expect(asked.ask({ ask: 'diff', from: 18, to: 17 })).rejects.toThrow(
      'position 18 comes after position 17',
    ));
});

const reach = (groups: AnswerTo<'diff'>['reach']['gained']): string[] =>
  groups.map(({ peers, others }) =>
    [peers, others].map((list) => list.map(({ name }) => name).join()).join(' – '),
  );

describe('why', () => {
  const why = async (peers: [string, string], at?: number) =>
    asked.ask({ ask: 'why', peers, ...(at === undefined ? {} : { at }) });

  it('names the association, who made it, and the chain of CIDRs', async () => {
    const found = await why(['ann', 'oven'], 18);
    expect(found).toMatchObject({
      visible: true,
      peers: [
        { name: 'ann', cidr: 'engineers' },
        { name: 'oven', cidr: 'machines' },
      ],
      reasons: [
        { code: 'Association', events: [{ position: 18, sentence: 'ann associated humans and machines' }] },
      ],
      since: { position: 18 },
    });
    expect(found.reasons[0]?.chains?.map((chain) => chain.map(({ name }) => name))).toEqual([
      ['engineers', 'humans'],
      ['machines'],
    ]);
  });

  it('names what ended it, and who did', async () => {
    const found = await why(['bert', 'oven']);
    expect(found).toMatchObject({
      visible: false,
      reasons: [
        { code: 'Disabled', events: [{ position: 20, sentence: 'rita on the server disabled peer oven' }] },
        { code: 'NoAssociation', events: [{ position: 22 }] },
      ],
      since: { position: 20 },
    });
    expect(found.reasons[1]?.verbs[0]).toBe('add-association cooks machines');
  });

  it('finds peers by old names, addresses, and who had a name then', async () => {
    expect((await why(['bob', '10.42.128.1'], 18)).peers.map(({ name }) => name)).toEqual(['bob', 'ann']);
    expect((await why(['bob', 'ann'])).peers[0].name).toBe('bert');
    expect((await why(['eve', 'ann'])).peers[0].id).toBe(7);
    expect((await why(['eve', 'ann'], 20)).peers[0].id).toBe(ids.eve);
    expect((await why(['eve', 'ann'], 23)).reasons[0]).toMatchObject({
      code: 'Gone',
      events: [{ position: 23 }],
    });
  });

  it('says no to a name that nobody had, and to one peer twice', async () => {
    await expect(why(['ann', 'mallory'])).rejects.toThrow('no peer was ever called "mallory"');
    await expect(why(['ann', 'oven'], 12)).rejects.toThrow(
      'no peer was ever called "oven" up to position 12',
    );
    await expect(why(['bob', 'bert'])).rejects.toThrow('a peer can always talk to itself');
  });
});

describe('undo', () => {
  const undo = async (question: { reverts?: number; to?: number }) => asked.ask({ ask: 'undo', ...question });

  it('plans one commit back, with what it would mean', async () => {
    const plan = await undo({ reverts: 22 });
    expect(plan).toMatchObject({
      reverts: 22,
      at: 24,
      commands: [{ type: 'AddAssociation', cidrs: [ids.humans, ids.machines] }],
      sentences: ['associated humans and machines, undoing position 22'],
      obstacles: [],
    });
  });

  it('plans everything since a position, and names what stays', async () => {
    const plan = await undo({ to: 18 });
    expect(plan).toMatchObject({ reverts: 24, returnsTo: 18, at: 24 });
    expect(plan.commands.map(({ type }) => type).sort()).toEqual(
      ['AddAssociation', 'EnablePeer', 'RenameCidr', 'RenamePeer', 'RevokeInvitation'].sort(),
    );
    expect(plan.obstacles.map(({ sentence }) => sentence)).toEqual([
      'the invitation of eve is over, and its key is never taken again',
    ]);
    expect(reach(plan.reach.gained).length).toBeGreaterThan(0);
  });

  it('says no to half a commit, the beginning, the future and the present', async () => {
    await expect(undo({ reverts: 20 })).rejects.toThrow(
      'position 20 is within the commit that ends at position 21',
    );
    await expect(undo({ reverts: 4 })).rejects.toThrow('the beginning of a network cannot be undone');
    await expect(undo({ reverts: 25 })).rejects.toThrow('there is no position 25 yet');
    await expect(undo({ to: 24 })).rejects.toThrow('the network is at position 24 already');
    await expect(undo({ to: 0 })).rejects.toThrow('there was no network to go back to');
  });
});

it('the head is the end of the log and the network that it belongs to', async () => {
  const found = await asked.ask({ ask: 'head' });
  expect(found).toMatchObject({ network: 'acme', position: 24, time: '2026-11-20T12:13:00.000Z' });
  expect(found.networkId).toBe((await log.read(0, 1))[0]?.hash);
});
