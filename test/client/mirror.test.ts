// A client's view under honest and lying servers: what is let in, held back, removed, and what raises an alarm.
import { describe, expect, it } from 'vitest';
import { Mirror, type Verdict } from '../../src/client/memory/mirror.ts';
import { EffectLine, formatState, parseState } from '../../src/client/memory/state-file.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import type { Delta } from '../../src/protocol/frames.ts';
import type { LimitRow, PeerRow, RouteRow } from '../../src/protocol/rows.ts';
import type { CidrId } from '../../src/values/id.ts';
import { cidr, ground, History, key, mirrorAt, own, row, server } from './sight.ts';

const history = new History(30);
const bob = row(5, '10.42.1.5', 50, { name: 'bob' });
const eve = row(6, '10.42.1.6', 60, { name: 'eve' });

const shown = (mirror: Mirror) =>
  [...mirror.tunnels()].map(({ name, ip, publicKey }) => ({ name, ip, publicKey }));
const nothing = {
  peers: { changed: [], removed: [] },
  cidrs: { changed: [], removed: [] },
  held: [],
  released: [],
};

const pair = ({ name, ip, publicKey }: PeerRow) => ({ name, ip, publicKey });
const rules = (mirror: Mirror) => [...mirror.held()].map(({ row: { id }, rule }) => [id, rule]);

/** Judges a delta over the next position and takes what comes of it. */
const receive = (mirror: Mirror, rows: { changed?: PeerRow[]; removed?: number[] }) => {
  const position = mirror.head?.position ?? 0;
  const verdict = mirror.judgeDelta(history.delta(position, position + 1, rows));
  if (verdict.kind !== 'take' && verdict.kind !== 'alarm') throw new Error(`judged ${verdict.kind}`);
  return { kind: verdict.kind, changes: mirror.take(verdict.effect) };
};

describe('honest news', () => {
  it('lets peers in, changes them, removes them', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    expect(receive(mirror, { changed: [eve] }).changes.added).toEqual([eve]);
    const renamed = { ...bob, name: 'rob' };
    expect(receive(mirror, { changed: [renamed] }).changes.changed).toEqual([
      { before: bob, after: renamed },
    ]);
    expect(receive(mirror, { removed: [5] }).changes.removed).toEqual([renamed]);
    expect(shown(mirror)).toEqual([pair(eve)]);
    expect(mirror.head).toEqual(history.head(6));
  });

  it('skips what is known and sees what is missing', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    expect(mirror.judgeDelta(history.delta(1, 3, { removed: [5] })).kind).toBe('known');
    expect(mirror.judgeDelta(history.delta(4, 5, { removed: [5] })).kind).toBe('gap');
  });

  it('keeps this machine and the server off the device', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    expect([...mirror.peers()].length).toBe(3);
    expect(shown(mirror)).toEqual([pair(bob)]);
  });

  it('takes a later snapshot only when the chain reaches it', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    const verdict = mirror.judgeSnapshot(history.snapshot(3, 9, [server, own, eve]));
    if (verdict.kind !== 'take') throw new Error(verdict.kind);
    expect(mirror.take(verdict.effect)).toEqual({ added: [eve], removed: [bob], changed: [] });
    expect(mirror.head).toEqual(history.head(9));
  });

  it('starts from the head that an invitation names', () => {
    const mirror = new Mirror(ground, sha256);
    mirror.head = history.head(4);
    expect(mirror.judgeDelta(history.delta(4, 5)).kind).toBe('fetch');
    expect(mirror.judgeSnapshot(history.fork(2, 9).snapshot(4, 9, [bob])).kind).toBe('alarm');
    expect(mirror.judgeSnapshot(history.snapshot(4, 9, [bob])).kind).toBe('take');
  });

  it('takes an effect twice as once', () => {
    const [once, twice] = [mirrorAt(history, 3, [bob]), mirrorAt(history, 3, [bob])];
    const verdict = once.judgeDelta(history.delta(3, 4, { changed: [eve], removed: [5] }));
    if (verdict.kind !== 'take') throw new Error(verdict.kind);
    for (const mirror of [once, twice, twice]) mirror.take(verdict.effect);
    expect([...twice.peers()]).toEqual([...once.peers()]);
    expect([...twice.pins.all()]).toEqual([...once.pins.all()]);
  });
});

describe('a lying server: the peer is held back, the rest goes on', () => {
  it.each([
    ['KeyChanged', row(5, '10.42.1.5', 99)],
    ['KeyChanged', row(9, '10.42.1.5', 99)],
    ['AddressMoved', row(5, '10.42.1.77', 50)],
    ['AddressMoved', row(9, '10.42.1.77', 50)],
    ['PairTaken', row(9, '10.42.1.5', 50)],
    ['ServerClaimed', row(9, '10.42.0.1', 99)],
    ['ServerClaimed', row(9, '10.42.1.9', 1)],
    ['ServerClaimed', row(9, '10.42.0.1', 1)],
    ['ServerClaimed', row(1, '10.42.1.9', 99)],
    ['OwnAddressClaimed', row(9, '10.42.1.2', 99)],
    ['OwnAddressClaimed', row(9, '10.42.1.9', 2)],
    ['OutsideNetwork', row(9, '192.168.1.1', 99)],
    ['OutsideNetwork', row(9, 'fd00::1', 99)],
  ] as const)('%s', (rule, lie) => {
    const mirror = mirrorAt(history, 3, [bob]);
    const { changes } = receive(mirror, { changed: [lie, eve] });
    expect(rules(mirror)).toEqual([[lie.id, rule]]);
    expect(changes).toEqual({ added: [eve], removed: [], changed: [] });
    expect(shown(mirror)).toEqual([pair(bob), pair(eve)]);
    expect(mirror.heldCount).toBe(1);
  });

  it('two rows of one frame bind each other', () => {
    const mirror = mirrorAt(history, 3, []);
    receive(mirror, { changed: [bob, row(8, bob.ip, 80), row(9, '10.42.1.9', 50)] });
    expect(rules(mirror)).toEqual([
      [8, 'KeyChanged'],
      [9, 'AddressMoved'],
    ]);
    expect(shown(mirror)).toEqual([pair(bob)]);
  });

  it('a pin outlives its peer', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    receive(mirror, { removed: [5] });
    receive(mirror, { changed: [row(7, bob.ip, 99)] });
    expect(rules(mirror)).toEqual([[7, 'KeyChanged']]);
    receive(mirror, { changed: [row(8, bob.ip, 50)] });
    expect(shown(mirror).map(({ publicKey }) => publicKey)).toEqual([key(50)]);
  });

  it('a removal is obeyed, of the held one and of the one that it contradicts', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    receive(mirror, { changed: [row(5, bob.ip, 99)] });
    receive(mirror, { removed: [5] });
    expect(shown(mirror)).toEqual([]);
    expect(mirror.heldCount).toBe(0);
  });

  it('recovers by itself when the truth is told again', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    receive(mirror, { changed: [row(5, bob.ip, 99)] });
    receive(mirror, { changed: [bob] });
    expect(mirror.heldCount).toBe(0);
    expect(shown(mirror)).toEqual([pair(bob)]);
  });

  it('lets a new key in when the user forgets the pin', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    receive(mirror, { changed: [row(5, bob.ip, 99)] });
    const changes = mirror.take(mirror.judgeForgetting([mirror.pins.at(bob.ip)!]));
    expect(changes.removed).toEqual([bob]);
    expect(shown(mirror).map(({ publicKey }) => publicKey)).toEqual([key(99)]);
    expect(mirror.heldCount).toBe(0);
    expect(mirror.pins.contradicted(bob)).toBe('KeyChanged');
  });

  it('forgetting a pin moves out the peer whose address the held one gets', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    receive(mirror, { changed: [row(9, bob.ip, 99)] });
    mirror.take(mirror.judgeForgetting([mirror.pins.at(bob.ip)!]));
    expect(shown(mirror).map(({ publicKey }) => publicKey)).toEqual([key(99)]);
  });
});

describe('another history', () => {
  const fork = history.fork(2, 30);

  it.each([
    [
      'a frame that does not extend the own head',
      (m: Mirror) => m.judgeDelta(fork.delta(3, 4, { removed: [5], changed: [eve] })),
    ],
    [
      'a snapshot of another history',
      (m: Mirror) => m.judgeSnapshot(fork.snapshot(3, 4, [server, own, eve])),
    ],
    [
      'a snapshot that leaves out the way',
      (m: Mirror) => m.judgeSnapshot(history.snapshot(9, 9, [server, own, eve])),
    ],
  ])('%s: the alarm is raised, what is gone is removed, nothing is added', (_, judged) => {
    const mirror = mirrorAt(history, 3, [bob]);
    const verdict = judged(mirror);
    if (verdict.kind !== 'alarm') throw new Error(verdict.kind);
    mirror.take(verdict.effect);
    expect(shown(mirror)).toEqual([]);
    expect(mirror.pins.at(bob.ip)?.publicKey).toBe(bob.publicKey);
    expect(mirror.head).toEqual(history.head(3));
    expect(mirror.heldCount).toBe(1);
  });

  it('a server that is behind or serves another network raises the alarm when it greets', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    expect(mirror.judgeWelcome(history.welcome(3)).kind).toBe('known');
    expect(mirror.judgeWelcome(history.welcome(2)).kind).toBe('alarm');
    expect(mirror.judgeWelcome(new History(9, 'z').welcome()).kind).toBe('alarm');
  });

  it('under the alarm every frame may remove, none may add', () => {
    const mirror = mirrorAt(history, 3, [bob, row(7, '10.42.1.7', 70)]);
    const greeting = mirror.judgeWelcome(history.welcome(2));
    if (greeting.kind !== 'alarm') throw new Error(greeting.kind);
    mirror.take(greeting.effect);
    const stale = mirror.judgeDelta(fork.delta(1, 2, { removed: [5], changed: [eve] }));
    const ahead = mirror.judgeDelta(fork.delta(8, 9, { removed: [7], changed: [eve] }));
    for (const verdict of [stale, ahead]) {
      if (verdict.kind !== 'alarm') throw new Error(verdict.kind);
      mirror.take(verdict.effect);
    }
    expect(shown(mirror)).toEqual([]);
  });

  it('the alarm ends with a snapshot to which the own chain leads', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    const verdict = mirror.judgeDelta(fork.delta(3, 4, { removed: [5] }));
    if (verdict.kind !== 'alarm') throw new Error(verdict.kind);
    mirror.take(verdict.effect);
    expect(mirror.judgeDelta(history.delta(3, 4)).kind).toBe('fetch');
    const whole = mirror.judgeSnapshot(history.snapshot(3, 4, [server, own, bob]));
    if (whole.kind !== 'take') throw new Error(whole.kind);
    mirror.take(whole.effect);
    expect(mirror.alarm).toBeNull();
    expect(shown(mirror)).toEqual([pair(bob)]);
  });
});

it('the order of a stale, replayed removal and re-adding frame changes nothing', () => {
  const mirror = mirrorAt(history, 3, [bob]);
  const adding = history.delta(2, 3, { changed: [eve] });
  receive(mirror, { removed: [5] });
  expect(mirror.judgeDelta(adding).kind).toBe('known');
  expect(mirror.judgeSnapshot(history.snapshot(3, 3, [server, own, bob])).kind).toBe('known');
  expect(shown(mirror)).toEqual([]);
});

describe('the state of a server without a history', () => {
  const bob = row(5, '10.42.1.5', 50);
  const newcomer = () => new Mirror(ground, sha256);
  const polled = (mirror: Mirror, peers: PeerRow[]) => {
    const verdict = mirror.judgeState({ peers: [server, own, ...peers], cidrs: [cidr(3, '10.42.1.0/24')] });
    if (verdict.kind === 'take' || verdict.kind === 'alarm') mirror.take(verdict.effect);
    return verdict;
  };
  const names = (mirror: Mirror) => Array.from(mirror.tunnels(), ({ name }) => name);

  it('is taken as a whole; the same again is no news', () => {
    const mirror = newcomer();
    expect(polled(mirror, [bob]).kind).toBe('take');
    expect(names(mirror)).toEqual(['peer-5']);
    expect(polled(mirror, [bob])).toEqual({ kind: 'known' });
    expect(polled(mirror, []).kind).toBe('take');
    expect(names(mirror)).toEqual([]);
  });

  it('holds a swapped key back, once, and the others go on', () => {
    const mirror = newcomer();
    polled(mirror, [bob]);
    const swapped = [{ ...bob, publicKey: key(99) }, row(6, '10.42.1.6', 60)];
    expect(polled(mirror, swapped)).toMatchObject({ effect: { held: [{ rule: 'KeyChanged' }] } });
    expect(Array.from(mirror.tunnels(), ({ publicKey }) => publicKey)).not.toContain(key(99));
    expect(names(mirror)).toContain('peer-6');
    expect(polled(mirror, swapped)).toEqual({ kind: 'known' });
  });

  it('does not end an alarm, and lets nobody in under one', () => {
    const history = new History(3);
    const mirror = mirrorAt(history, 3, [bob]);
    const alarmed = mirror.judgeWelcome(new History(5, 'another').welcome());
    if (alarmed.kind === 'alarm') mirror.take(alarmed.effect);
    expect(polled(mirror, [row(6, '10.42.1.6', 60)]).kind).toBe('alarm');
    expect([mirror.alarm === null, names(mirror)]).toEqual([false, []]);
  });

  it('makes the rows no longer those of the head: a stream fetches all anew', () => {
    const mirror = mirrorAt(new History(3), 3, [bob]);
    polled(mirror, [bob, row(6, '10.42.1.6', 60)]);
    expect([mirror.head?.position, mirror.filled]).toEqual([3, false]);
  });
});

describe('more than anybody can have', () => {
  const many = (count: number, ip: (n: number) => string): PeerRow[] => {
    const like = row(1000, bob.ip, 1);
    return Array.from({ length: count }, (_, n) => {
      const bytes = Buffer.alloc(32, 1);
      bytes.writeUInt32BE(n + 1000, 0);
      const publicKey = bytes.toString('base64') as PeerRow['publicKey'];
      return { ...like, id: (n + 1000) as PeerRow['id'], ip: ip(n) as PeerRow['ip'], publicKey };
    });
  };

  it('is refused as a whole, and what was there before stays', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    const claims = many(10_001, () => bob.ip);
    const takes = () => mirror.judgeDelta(history.delta(3, 4, { changed: claims }));
    expect(takes).toThrow('TooMany: the server shows more than 10000 peers that have to be held back');
    expect([shown(mirror), rules(mirror), mirror.head?.position]).toEqual([[pair(bob)], [], 3]);
    expect(receive(mirror, { changed: claims.slice(1) }).kind).toBe('take');
    expect(mirror.heldCount).toBe(10_000);
    expect(() => receive(mirror, { changed: [eve, { ...row(7, bob.ip, 70) }] })).toThrow('TooMany');
  });

  it('counts those that have left sight too: their pins are for ever', () => {
    const mirror = new Mirror({ ...ground, range: '10.0.0.0/8' as typeof ground.range }, sha256);
    const ip = (n: number): string => `10.${50 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
    const [last, ...others] = many(200_000, ip);
    if (!last) throw new Error('there are none');
    for (const pin of others) mirror.pins.add(pin);
    const shows = (peers: PeerRow[]) => () => mirror.judgeState({ peers, cidrs: [] });
    expect(shows([last])).not.toThrow();
    expect(shows([last, eve])).toThrow('TooMany: the server shows more than 200000 peers');
  });
});

describe('R33: who speaks is doubted', () => {
  it.each([
    ['a delta', (mirror: Mirror) => mirror.judgeDelta(history.delta(3, 4, { changed: [eve], removed: [5] }))],
    ['a snapshot', (mirror: Mirror) => mirror.judgeSnapshot(history.snapshot(3, 9, [server, own, eve]))],
    ['an older state', (mirror: Mirror) => mirror.judgeState({ peers: [server, own, eve], cidrs: [] })],
  ])('%s removes, and lets nobody in; the head stays, and all is fetched anew later', (_, judged) => {
    const mirror = mirrorAt(history, 3, [bob]);
    mirror.isDoubted = true;
    const verdict = judged(mirror);
    if (verdict.kind !== 'take') throw new Error(verdict.kind);
    mirror.take(verdict.effect);
    expect([shown(mirror), mirror.head, mirror.alarm]).toEqual([[], history.head(3), null]);
    mirror.isDoubted = false;
    expect(mirror.judgeDelta(history.delta(3, 4, {})).kind).toBe('fetch');
    const whole = mirror.judgeSnapshot(history.snapshot(3, 4, [server, own, bob]));
    if (whole.kind !== 'take') throw new Error(whole.kind);
    mirror.take(whole.effect);
    expect([shown(mirror), mirror.head]).toEqual([[pair(bob)], history.head(4)]);
  });

  it('what it shows raises no alarm about the history, and what removes nobody changes nothing', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    mirror.isDoubted = true;
    expect(mirror.judgeWelcome(new History(9, 'other').welcome(9)).kind).toBe('known');
    expect(mirror.judgeDelta(history.delta(3, 4, { changed: [eve] })).kind).toBe('known');
    expect(mirror.filled).toBe(true);
  });
});

describe('R34: a pin that nobody proved', () => {
  const ghost = row(9, bob.ip, 99, { name: 'ghost' });

  /** A machine on which an impostor has shown a ghost at bob's address. */
  const poisoned = () => {
    const mirror = mirrorAt(history, 3, [ghost]);
    receive(mirror, { removed: [9] });
    return mirror;
  };

  const shows = (mirror: Mirror, isProved: boolean) => {
    mirror.isProved = isProved;
    const position = mirror.head?.position ?? 0;
    const verdict = mirror.judgeDelta(history.delta(position, position + 1, { changed: [bob] }));
    if (verdict.kind !== 'take') throw new Error(verdict.kind);
    const yielded = mirror.yielding(verdict.effect).map(({ name }) => name);
    mirror.take(verdict.effect);
    return { yielded, rules: rules(mirror), shown: shown(mirror) };
  };

  it('yields to a pair that the server has proved, and that is told', () => {
    expect(shows(poisoned(), true)).toEqual({ yielded: ['ghost'], rules: [], shown: [pair(bob)] });
  });

  it('holds against a pair that is not proved either', () => {
    expect(shows(poisoned(), false)).toEqual({ yielded: [], rules: [[5, 'KeyChanged']], shown: [] });
  });

  it('holds for good once a handshake was made with it, or once it was proved', () => {
    const met = poisoned();
    expect([met.pins.meet(ghost.publicKey), met.pins.meet(ghost.publicKey)]).toEqual([true, false]);
    expect(shows(met, true).rules).toEqual([[5, 'KeyChanged']]);
    const proved = mirrorAt(history, 3, []);
    proved.isProved = true;
    receive(proved, { changed: [ghost] });
    receive(proved, { removed: [9] });
    expect(shows(proved, true).rules).toEqual([[5, 'KeyChanged']]);
  });

  it('yields where its key is shown at another address too', () => {
    const moved = { ...bob, publicKey: ghost.publicKey, ip: '10.42.1.8' as typeof bob.ip };
    const mirror = poisoned();
    mirror.isProved = true;
    expect(receive(mirror, { changed: [moved] }).changes.added).toEqual([moved]);
    expect(mirror.pins.at(bob.ip)).toBeUndefined();
  });

  it('is still one after it was written down and read', () => {
    const kept = { mirror: poisoned(), endpoints: new Map(), relays: new Map(), offers: new Map() };
    const { mirror } = parseState(formatState(kept), 'acme.json', ground, sha256);
    expect(mirror.pins.at(bob.ip)?.isUnmet).toBe(true);
    expect(shows(mirror, true).shown).toEqual([pair(bob)]);
    const again = parseState(
      formatState({ mirror, endpoints: new Map(), relays: new Map(), offers: new Map() }),
      'acme.json',
      ground,
      sha256,
    );
    expect(again.mirror.pins.at(bob.ip)).toMatchObject({ publicKey: bob.publicKey });
    expect(again.mirror.pins.at(bob.ip)?.isUnmet).toBeUndefined();
  });
});

describe('limits', () => {
  const limit = (cidrId: number): LimitRow => ({
    cidrId: cidrId as CidrId,
    inbound: [{ protocol: 'tcp', ports: [[22, 22]] }],
    outbound: [],
  });
  const limitsOf = (mirror: Mirror) => [...mirror.limits()];
  const take = (mirror: Mirror, verdict: Verdict) => {
    if (verdict.kind !== 'take') throw new Error(`judged ${verdict.kind}`);
    mirror.take(verdict.effect);
  };
  const delta = (mirror: Mirror, limits?: Delta['limits']) => {
    const position = mirror.head?.position ?? 0;
    take(
      mirror,
      mirror.judgeDelta({ ...history.delta(position, position + 1, {}), ...(limits ? { limits } : {}) }),
    );
  };

  it('come and go with deltas, and stay where a delta says nothing of them', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    delta(mirror, { changed: [limit(3), limit(4)], removed: [] });
    delta(mirror);
    expect(limitsOf(mirror)).toEqual([limit(3), limit(4)]);
    const narrower = { ...limit(4), inbound: [] };
    delta(mirror, { changed: [narrower], removed: [3 as CidrId] });
    expect(limitsOf(mirror)).toEqual([narrower]);
  });

  it('are those of a snapshot alone', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    delta(mirror, { changed: [limit(3), limit(4)], removed: [] });
    const whole = { ...history.snapshot(4, 6, [server, own, bob]), limits: [limit(4)] };
    take(mirror, mirror.judgeSnapshot(whole));
    expect(limitsOf(mirror)).toEqual([limit(4)]);
    take(mirror, mirror.judgeSnapshot(history.snapshot(6, 7, [server, own, bob])));
    expect(limitsOf(mirror)).toEqual([]);
  });

  it('are refused beyond a number of openings, and what was there before stays', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    const wide = Array.from({ length: 4_096 }, (_, n) => [15 * n, 15 * n] as [number, number]);
    const row = (id: number): LimitRow => ({ ...limit(id), inbound: [{ protocol: 'tcp', ports: wide }] });
    const rows = Array.from({ length: 50 }, (_, n) => row(n + 10));
    expect(() => delta(mirror, { changed: rows, removed: [] })).toThrow(
      'TooMany: the server shows more than 200000 limits',
    );
    expect(limitsOf(mirror)).toEqual([]);
    delta(mirror, { changed: rows.slice(2), removed: [] });
    delta(mirror, { changed: rows.slice(0, 2), removed: rows.slice(2, 4).map(({ cidrId }) => cidrId) });
    expect(() => delta(mirror, { changed: rows.slice(2, 4), removed: [] })).toThrow('TooMany');
    expect(limitsOf(mirror)).toHaveLength(48);
  });

  it('are kept, so that a machine that starts without its server limits as before', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    const none = formatState({ mirror, endpoints: new Map(), relays: new Map(), offers: new Map() });
    expect(JSON.parse(none).limits).toBeUndefined();
    delta(mirror, { changed: [limit(3)], removed: [] });
    const text = formatState({ mirror, endpoints: new Map(), relays: new Map(), offers: new Map() });
    expect(limitsOf(parseState(text, 'NET.json', ground, sha256).mirror)).toEqual([limit(3)]);
  });
});

describe('routes', () => {
  const office = (name = 'office'): RouteRow => ({
    id: 1 as RouteRow['id'],
    name,
    blocks: ['192.168.50.0/24' as RouteRow['blocks'][number]],
    routers: [{ id: bob.id, rank: 0 }],
  });
  const take = (mirror: Mirror, verdict: Verdict) => {
    if (verdict.kind !== 'take' && verdict.kind !== 'alarm') throw new Error(`judged ${verdict.kind}`);
    mirror.take(verdict.effect);
  };
  const delta = (mirror: Mirror, routes?: Delta['routes'], of = history) => {
    const position = mirror.head?.position ?? 0;
    take(mirror, mirror.judgeDelta({ ...of.delta(position, position + 1), ...(routes ? { routes } : {}) }));
  };
  const withOffice = (): Mirror => {
    const mirror = mirrorAt(history, 3, [bob]);
    delta(mirror, { changed: [office()], removed: [] });
    return mirror;
  };

  it('come, change and go with deltas, and stay where a delta says nothing of them', () => {
    const mirror = withOffice();
    delta(mirror);
    expect([...mirror.routes()]).toEqual([office()]);
    delta(mirror, { changed: [office('site')], removed: [] });
    expect([...mirror.routes()]).toEqual([office('site')]);
    delta(mirror, { changed: [], removed: [office().id] });
    expect([...mirror.routes()]).toEqual([]);
  });

  it('are those of a snapshot alone, and of a server without a stream there are none', () => {
    const mirror = withOffice();
    take(
      mirror,
      mirror.judgeSnapshot({ ...history.snapshot(4, 6, [server, own, bob]), routes: [office('b')] }),
    );
    expect([...mirror.routes()]).toEqual([office('b')]);
    take(mirror, mirror.judgeState({ peers: [server, own, bob], cidrs: [] }));
    expect([...mirror.routes()]).toEqual([]);
  });

  it('that close are obeyed under an alarm too; none opens', () => {
    const mirror = withOffice();
    delta(
      mirror,
      { changed: [{ ...office(), id: 2 as RouteRow['id'] }], removed: [1 as RouteRow['id']] },
      history.fork(3, 30),
    );
    expect([mirror.alarm !== null, [...mirror.routes()]]).toEqual([true, []]);
  });

  it('are refused beyond a number', () => {
    const many = Array.from({ length: 1001 }, (_, n) => ({ ...office(), id: (n + 1) as RouteRow['id'] }));
    expect(() => delta(mirrorAt(history, 3, [bob]), { changed: many, removed: [] })).toThrow(
      'TooMany: the server shows more than 1000 routes',
    );
  });

  it('are kept, with what their routers said: a machine that starts without its server uses them', () => {
    const kept = { mirror: withOffice(), endpoints: new Map(), relays: new Map() };
    const offers = new Map([[bob.id, [{ block: office().blocks[0]!, ready: true }]]]);
    const read = parseState(formatState({ ...kept, offers }), 'NET.json', ground, sha256);
    expect([...read.mirror.routes()]).toEqual([office()]);
    expect(read.offers).toEqual(offers);
    const line = EffectLine.parse(
      JSON.parse(JSON.stringify({ ...nothing, routes: { changed: [office()], removed: [] } })),
    );
    expect(line.routes?.changed).toEqual([office()]);
  });
});

describe('a phone', () => {
  const phone = row(9, '10.42.1.9', 90, { name: 'phone', via: 1 as PeerRow['id'] });
  const addresses = (mirror: Mirror) => [...mirror.phones()].map(({ ip }) => ip);

  it('goes through the tunnel of the server: it is not met, and its key is no pin', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    expect(receive(mirror, { changed: [phone] }).changes.added).toEqual([phone]);
    expect([shown(mirror), addresses(mirror)]).toEqual([[pair(bob)], [phone.ip]]);
    const rekeyed = { ...phone, publicKey: key(91) };
    expect(receive(mirror, { changed: [rekeyed] }).changes).toMatchObject({
      added: [rekeyed],
      removed: [phone],
    });
    expect([rules(mirror), addresses(mirror)]).toEqual([[], [phone.ip]]);
    receive(mirror, { removed: [9] });
    expect(addresses(mirror)).toEqual([]);
  });

  it('is none that was met as a machine before: a server cannot put itself in between', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    receive(mirror, { changed: [{ ...bob, via: phone.via! }] });
    expect([rules(mirror), addresses(mirror)]).toEqual([[[5, 'Rerouted']], []]);
    expect(shown(mirror)).toEqual([pair(bob)]);
    receive(mirror, { changed: [{ ...phone, ip: bob.ip }] });
    expect([rules(mirror).length, addresses(mirror)]).toEqual([2, []]);
  });

  it('behind another router than the server is reached by nothing yet', () => {
    const mirror = mirrorAt(history, 3, [bob]);
    receive(mirror, { changed: [{ ...phone, via: bob.id }] });
    expect([shown(mirror), addresses(mirror)]).toEqual([[pair(bob)], []]);
  });

  it('is kept apart from the peers that innernet 2.0 would try to reach', () => {
    const mirror = mirrorAt(history, 3, [bob, phone]);
    const text = formatState({ mirror, endpoints: new Map(), relays: new Map(), offers: new Map() });
    expect(JSON.parse(text).peers.map(({ id }: { id: number }) => id)).not.toContain(9);
    expect(addresses(parseState(text, 'acme.json', ground, sha256).mirror)).toEqual([phone.ip]);
  });

  it('ends by itself as a peer does', () => {
    const ending = { ...phone, expires: '2026-11-22T13:00:00.000Z' as NonNullable<PeerRow['expires']> };
    const mirror = mirrorAt(history, 3, [ending]);
    expect(mirror.judgeEnds(Date.parse(ending.expires))?.peers.removed).toEqual([9]);
  });
});
