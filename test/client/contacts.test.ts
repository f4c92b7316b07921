// Who starts a handshake, when it is tried again, and that nobody can make a client shoot at others.
import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/client/tunnels/budget.ts';
import { Contacts, starts } from '../../src/client/tunnels/contacts.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { PublicKey } from '../../src/values/key.ts';
import type { DeviceState, PeerState, Step } from '../../src/wireguard/device.ts';
import { key, row } from './sight.ts';

const own = key(20);
const small = row(5, '10.42.1.5', 10);
const large = row(6, '10.42.1.6', 30);
const there = '198.51.100.7:51820' as SocketAddress;
const lan = '192.168.1.7:51820' as SocketAddress;
const wall = Date.UTC(2026, 0, 1);

const state = (...peers: Partial<PeerState>[]): DeviceState => ({
  publicKey: own,
  listenPort: 51820,
  peers: new Map(peers.map((peer) => [peer.publicKey as PublicKey, { keepalive: 25, ...peer } as PeerState])),
});
const session = (publicKey: PublicKey, ago = 1000, keepalive = 25) => ({
  publicKey,
  latestHandshake: wall - ago,
  keepalive,
});

const kinds = (steps: Step[]) => steps.map(({ kind }) => kind);

it('the smaller key starts, by its bytes and not by its spelling', () => {
  expect(starts(key(10), key(30))).toBe(true);
  expect(starts(key(30), key(10))).toBe(false);
  // In base64 `+` and `/` come after the letters, in ASCII before them.
  const bytes = (first: number) =>
    Buffer.from([first, ...new Uint8Array(31).fill(1)]).toString('base64') as PublicKey;
  expect(bytes(0xf8) < bytes(0x10)).toBe(true);
  expect(starts(bytes(0xf8), bytes(0x10))).toBe(false);
});

describe('the one that starts', () => {
  it('sends with the very operation that adds the peer', () =>
    expect(new Contacts(own).add(large, [there], { now: 0, wall })).toEqual([
      {
        kind: 'recreate',
        publicKey: large.publicKey,
        allowedIps: ['10.42.1.6/32'],
        endpoint: there,
        keepalive: 25,
      },
    ]));

  it('waits silently while no endpoint is known, and starts the moment one is', () => {
    const contacts = new Contacts(own);
    expect(contacts.add(large, [], { now: 0, wall })).toEqual([
      { kind: 'set', publicKey: large.publicKey, allowedIps: ['10.42.1.6/32'], keepalive: 0 },
    ]);
    expect(contacts.nextDue).toBe(Number.POSITIVE_INFINITY);
    expect(kinds(contacts.learn(large.publicKey, [there], 20))).toEqual(['recreate']);
  });

  it('looks before it starts where a session could have come about meanwhile', () => {
    const contacts = new Contacts(own);
    contacts.add(large, [], { now: 0, wall });
    expect(contacts.learn(large.publicKey, [there], 5000)).toEqual([]);
    expect(contacts.nextDue).toBe(5000);
    expect(contacts.tick(state(session(large.publicKey)), 5000, wall)).toEqual([]);
  });

  it("is one contact still after its device was made again: two would end each other's handshakes", () => {
    const contacts = new Contacts(own);
    contacts.add(large, [there], { now: 0, wall });
    contacts.tick(state(session(large.publicKey)), 10, wall);
    contacts.review(state(), 60_000, wall);
    expect(kinds(contacts.add(large, [there], { now: 60_000, wall }))).toEqual(['recreate']);
    expect(contacts.tick(state({ publicKey: large.publicKey }), 60_000, wall)).toEqual([]);
    expect(kinds(contacts.tick(state({ publicKey: large.publicKey }), contacts.nextDue, wall))).toEqual([
      'recreate',
    ]);
  });

  it('tries again, ever more rarely, until there is a session', () => {
    const contacts = new Contacts(own);
    contacts.add(large, [there], { now: 0, wall });
    const at: number[] = [];
    for (let now = 0; now < 200_000; now = contacts.nextDue) {
      at.push(now);
      contacts.tick(state(), now, wall + now);
    }
    expect(at.slice(0, 11)).toEqual([0, 50, 150, 350, 650, 850, 1050, 1350, 1650, 2650, 4650]);
    expect(contacts.tick(state(session(large.publicKey)), contacts.nextDue, wall)).toEqual([]);
    expect(contacts.nextDue).toBe(Number.POSITIVE_INFINITY);
    expect(contacts.isMet(large.publicKey)).toBe(true);
  });

  it('gives an answer the time that it needs on a long way', () => {
    const contacts = new Contacts(own);
    contacts.roundTrip = 80;
    contacts.add(large, [there], { now: 0, wall });
    expect(contacts.nextDue).toBe(160);
  });

  it('goes through all places, the likely one first, the others from the end', () => {
    const contacts = new Contacts(own);
    const other = '10.0.0.7:51820' as SocketAddress;
    const steps = contacts.add(large, [there, other, lan], { now: 0, wall });
    for (let i = 0; i < 5; i += 1) steps.push(...contacts.tick(state(), contacts.nextDue, wall));
    expect(steps.map((step) => 'endpoint' in step && step.endpoint)).toEqual([
      ...[there, there, there],
      ...[lan, other, there],
    ]);
  });

  it('tries where the peer was heard from, when both had started at once', () => {
    const contacts = new Contacts(own);
    contacts.add(large, [there], { now: 0, wall });
    const heard = { publicKey: large.publicKey, endpoint: lan, rxBytes: 148 };
    expect(contacts.tick(state(heard), 50, wall)).toMatchObject([{ kind: 'recreate', endpoint: lan }]);
  });

  it('never makes a peer anew that has a session', () => {
    const contacts = new Contacts(own);
    contacts.add(large, [there], { now: 0, wall });
    expect(contacts.tick(state(session(large.publicKey)), 50, wall)).toEqual([]);
    const touched = [
      ...contacts.learn(large.publicKey, [lan], 60),
      ...contacts.tick(state(session(large.publicKey)), 100_000, wall),
    ];
    expect(touched.filter((step) => 'publicKey' in step && step.publicKey === large.publicKey)).toEqual([]);
  });

  it('is greeting until there is a session, or the quick tries are through', () => {
    const contacts = new Contacts(own);
    contacts.add(small, [there], { now: 0, wall });
    contacts.add(large, [], { now: 0, wall });
    expect(contacts.isGreeting).toBe(false);
    contacts.learn(large.publicKey, [there], 20);
    expect(contacts.isGreeting).toBe(true);
    contacts.tick(state(session(large.publicKey)), 40, wall);
    expect(contacts.isGreeting).toBe(false);
    contacts.review(state(), 200_000, wall);
    for (let now = 200_000; now < 203_000; now += 10) contacts.tick(state(), now, wall);
    expect(contacts.isGreeting).toBe(false);
  });

  it('starts again when the session has ended', () => {
    const contacts = new Contacts(own);
    const has = session(large.publicKey) as PeerState;
    expect(contacts.add(large, [there], { now: 0, wall, has })).toEqual([]);
    const ended = state(session(large.publicKey, 200_000));
    contacts.review(ended, 60_000, wall);
    expect(kinds(contacts.tick(ended, 60_000, wall))).toEqual(['recreate']);
  });
});

describe('the one that waits', () => {
  it('adds the peer without a word, and keeps the tunnel alive after two seconds', () => {
    const contacts = new Contacts(own);
    expect(contacts.add(small, [there], { now: 0, wall })[0]).toEqual({
      kind: 'set',
      publicKey: small.publicKey,
      allowedIps: ['10.42.1.5/32'],
      endpoint: there,
      keepalive: 0,
    });
    expect(contacts.tick(state(), 1999, wall)).toEqual([]);
    expect(contacts.tick(state(), 2000, wall)).toContainEqual({
      kind: 'set',
      publicKey: small.publicKey,
      endpoint: there,
      keepalive: 25,
    });
  });

  it('or as soon as it sees the session', () => {
    const contacts = new Contacts(own);
    contacts.add(small, [there], { now: 0, wall });
    const steps = contacts.tick(state(session(small.publicKey, 10, 0)), 500, wall);
    expect(steps).toEqual([{ kind: 'set', publicKey: small.publicKey, keepalive: 25 }]);
  });

  it('leaves that to the one that starts where no router is before it, and takes it up when one may be', () => {
    const contacts = new Contacts(own);
    contacts.isOpen = true;
    contacts.add(small, [there], { now: 0, wall });
    contacts.add(large, [there], { now: 0, wall });
    const both = state(session(small.publicKey, 10, 25), session(large.publicKey, 10, 25));
    const silent = { kind: 'set', publicKey: small.publicKey, keepalive: 0 };
    expect(contacts.tick(both, 500, wall)).toEqual([silent]);
    const after = state(session(small.publicKey, 10, 0), session(large.publicKey, 10, 25));
    expect(contacts.keepUp(after)).toEqual([]);
    contacts.isOpen = false;
    expect(contacts.keepUp(after)).toEqual([{ ...silent, keepalive: 25 }]);
    contacts.isOpen = true;
    expect(contacts.keepUp(both)).toEqual([silent]);
  });

  it('opens its router to all places at once, by peers that are nobody and go after two seconds', () => {
    const contacts = new Contacts(own);
    const opened = contacts.add(small, [there, lan], { now: 0, wall }).slice(1);
    expect(opened).toMatchObject([
      { kind: 'set', allowedIps: [], endpoint: there, keepalive: 25 },
      { kind: 'set', allowedIps: [], endpoint: lan, keepalive: 25 },
    ]);
    const keys = opened.map((step) => ('publicKey' in step ? step.publicKey : small.publicKey));
    expect(new Set([small.publicKey, ...keys]).size).toBe(3);
    expect(contacts.throwaways).toEqual(new Set(keys));
    const steps = contacts.tick(state(session(small.publicKey)), 2000, wall);
    expect(steps.slice(0, 2)).toEqual(keys.map((publicKey) => ({ kind: 'remove', publicKey })));
    expect(contacts.throwaways.size).toBe(0);
  });

  it('opens it to a peer that has moved, and leaves its session alone', () => {
    const contacts = new Contacts(own);
    contacts.add(small, [there], { now: 0, wall, has: session(small.publicKey) as PeerState });
    expect(contacts.learn(small.publicKey, [lan, there], 1000)).toMatchObject([
      { kind: 'set', allowedIps: [], endpoint: lan },
    ]);
  });

  it('never starts with a peer anew: it makes it silent', () => {
    const contacts = new Contacts(own);
    const steps = contacts.add(small, [there], { now: 0, wall });
    steps.push(...contacts.learn(small.publicKey, [lan], 100));
    for (let now = 0; now < 300_000; now += 1000) {
      contacts.review(state(), now, wall);
      steps.push(...contacts.tick(state(), now, wall));
    }
    const anew = steps.filter(({ kind }) => kind === 'recreate');
    expect(anew.length).toBeGreaterThan(0);
    expect(new Set(anew.map((step) => 'keepalive' in step && step.keepalive))).toEqual(new Set([0]));
  });
});

describe('a newcomer', () => {
  const tried = (contacts: Contacts, until: number): number[] => {
    const times: number[] = [];
    for (let now = 0; now <= until; now += 1)
      if (contacts.tick(state(), now, wall + now).some(({ kind }) => kind === 'recreate')) times.push(now);
    return times;
  };

  it('starts with everybody, whatever the keys say', () => {
    const contacts = new Contacts(own);
    for (const peer of [small, large])
      expect(kinds(contacts.add(peer, [there], { now: 0, wall, newcomer: 'self' }))).toEqual(['recreate']);
  });

  it('is waited for by those who are there, but not for ever', () => {
    const contacts = new Contacts(own);
    const steps = contacts.add(large, [there], { now: 0, wall, newcomer: 'other' });
    expect(steps.filter((step) => 'publicKey' in step && step.publicKey === large.publicKey)).toEqual([
      {
        kind: 'set',
        publicKey: large.publicKey,
        allowedIps: ['10.42.1.6/32'],
        endpoint: there,
        keepalive: 0,
      },
    ]);
    expect(tried(contacts, 1999)).toEqual([]);
    const patienceLost = { kind: 'set', publicKey: large.publicKey, endpoint: there, keepalive: 25 };
    expect(contacts.tick(state(), 2000, wall + 2000)).toContainEqual(patienceLost);
  });

  it('that crosses another one does not cross it again: of the two the larger key pauses longer', () => {
    for (const roundTrip of [0, 80, 150, 400]) {
      const [one, other] = [new Contacts(own), new Contacts(large.publicKey)];
      const self = row(7, '10.42.1.7', 20);
      for (const [contacts, peer] of [
        [one, large],
        [other, self],
      ] as const) {
        contacts.roundTrip = roundTrip;
        contacts.add(peer, [there], { now: 0, wall, newcomer: 'self' });
      }
      const [[second = 0] = [], [later = 0] = []] = [tried(one, 5000), tried(other, 5000)];
      expect(second).toBeGreaterThan(0);
      // There, back, and what tells the other side that the answer has come.
      expect(later).toBeGreaterThanOrEqual(second + 1.5 * roundTrip);
    }
  });

  it('keeps to the keys once it has been heard of', () => {
    const contacts = new Contacts(own);
    contacts.add(small, [there], { now: 0, wall, newcomer: 'self' });
    contacts.tick(state(session(small.publicKey, 0)), 100, wall + 100);
    contacts.review(state(session(small.publicKey, 400_000)), 500_000, wall);
    expect(kinds(contacts.tick(state(), 500_000, wall))).not.toContain('recreate');
  });
});

describe('a pair that does not meet', () => {
  it('is silent for more than half a minute, then both begin at the same moment', () => {
    const [one, other] = [new Contacts(own), new Contacts(large.publicKey)];
    const self = row(7, '10.42.1.7', 20);
    const begins = (contacts: Contacts, peer: typeof self, delay: number): number[] => {
      contacts.add(peer, [there, lan], { now: delay, wall: wall + delay });
      const loud: number[] = [];
      for (let now = delay; now < 300_000; now = Math.max(contacts.nextDue, now + 1))
        if (contacts.tick(state(), now, wall + now).some((step) => 'keepalive' in step && step.keepalive))
          loud.push(now);
      return loud.filter((now, i) => now - (loud[i - 1] ?? 0) > 30_000);
    };
    const [first, second] = [begins(one, large, 0), begins(other, self, 80)];
    expect(first.length).toBeGreaterThan(3);
    expect(second).toEqual(first);
    expect(first[0]).toBeLessThan(60_000);
  });

  it('opens both routers before either of them begins, though one is three seconds behind', () => {
    /** When packets go that may arrive, and when those that do not, of one side whose news come at `delay`. */
    const story = (self: PublicKey, peer: typeof large, places: SocketAddress[], delay: number) => {
      const [loud, faded]: [number[], number[]] = [[], []];
      let now = delay;
      const contacts = new Contacts(self, () => faded.push(now));
      const carryOut = (steps: Step[]): void => {
        if (steps.some((step) => 'keepalive' in step && step.keepalive)) loud.push(now);
      };
      carryOut(contacts.add(peer, places, { now, wall: wall + now }));
      for (; now < 62_000; now = Math.max(contacts.nextDue, now + 1))
        carryOut(contacts.tick(state(), now, wall + now));
      const begin = loud.find((at) => at > 30_000) ?? Number.NaN;
      return { last: loud.filter((at) => at < 30_000).at(-1) ?? Number.NaN, begin, faded };
    };
    const places = [
      there,
      lan,
      ...Array.from({ length: 8 }, (_, i) => `192.0.2.${i + 1}:9` as SocketAddress),
    ];
    for (let first = 21; first < 250; first += 7)
      for (const delay of [0, 40, 1500, 3000]) {
        const one = story(own, row(6, '10.42.1.6', first), places, delay);
        const other = story(key(first), row(7, '10.42.1.7', 20), places, 3000 - delay);
        for (const [here, far] of [
          [one, other],
          [other, one],
        ] as const) {
          expect(here.begin).toBeLessThan(59_000);
          const before = here.faded.filter((at) => at < far.begin);
          // Not while the router here remembers what the other side sent; and it is still open when that one begins.
          expect(before[0]).toBeGreaterThan(far.last + 30_000);
          expect(far.begin - (before.at(-1) ?? 0)).toBeLessThan(30_000);
        }
      }
  });

  it('has no endpoint while it is silent, so that nothing that is sent to it wakes WireGuard', () => {
    for (const peer of [small, large]) {
      const contacts = new Contacts(own);
      contacts.add(peer, [there, lan], { now: 0, wall });
      const last = () => contacts.tick(state(), contacts.nextDue, wall).at(-1);
      let step = last();
      while (!(step?.kind === 'recreate' && step.keepalive === 0)) step = last();
      expect(step).toEqual({
        ...{ kind: 'recreate', publicKey: peer.publicKey },
        ...{ allowedIps: [`${peer.ip}/32`], keepalive: 0 },
      });
    }
  });

  it("agrees on the moment by the server's clock where its own is wrong", () => {
    const firstMark = (contacts: Contacts, peer: typeof large, wrong: number): number => {
      contacts.serverClock = { offset: wall + 15, least: wall - 5, most: wall + 35 };
      contacts.add(peer, [there], { now: 0, wall: wall + wrong });
      let last = 0;
      for (let now = 0; now < 70_000; now = Math.max(contacts.nextDue, now + 1))
        if (
          contacts
            .tick(state(), now, wall + wrong + now)
            .some((step) => 'keepalive' in step && step.keepalive)
        ) {
          if (now - last > 30_000) return now;
          last = now;
        }
      return 0;
    };
    const self = row(7, '10.42.1.7', 20);
    const right = firstMark(new Contacts(own), large, 0);
    expect(right).toBeGreaterThan(0);
    expect(Math.abs(firstMark(new Contacts(large.publicKey), self, 7_200_000) - right)).toBeLessThanOrEqual(
      15,
    );
    expect(firstMark(new Contacts(large.publicKey), self, 5)).toBe(right - 5);
  });

  it('begins anew when others are told something else of this machine', () => {
    const contacts = new Contacts(own);
    contacts.add(large, [there], { now: 0, wall });
    for (let now = 0; now < 20_000; now = contacts.nextDue) contacts.tick(state(), now, wall + now);
    expect(contacts.nextDue).toBeGreaterThan(40_000);
    contacts.renew(20_000);
    expect(contacts.tick(state(), 20_000, wall + 20_000)).toMatchObject([
      { kind: 'recreate', endpoint: there },
    ]);
  });

  it('after a move of this machine, it starts with everybody, whatever session there was', () => {
    const contacts = new Contacts(own);
    const has = session(small.publicKey) as PeerState;
    contacts.add(small, [there], { now: 0, wall, has });
    contacts.move(5000, wall + 5000);
    expect(kinds(contacts.tick(state(has), contacts.nextDue, wall + 5000))).toEqual(['recreate']);
    const anew = { ...has, latestHandshake: wall + 5100 };
    expect(contacts.tick(state(anew), contacts.nextDue, wall + 5200)).toEqual([]);
    expect(contacts.isMet(small.publicKey)).toBe(true);
  });

  it('is left to WireGuard when the program ends, within the budget', () => {
    const contacts = new Contacts(own);
    contacts.add(small, [there], { now: 0, wall });
    for (let i = 0; i < 9; i += 1)
      contacts.add(row(50 + i, `10.42.3.${i + 1}`, i + 1), [`192.0.2.1:${i + 1}` as SocketAddress], {
        now: 0,
        wall,
      });
    const steps = contacts.close(30_000);
    expect(steps).toContainEqual({ kind: 'set', publicKey: small.publicKey, endpoint: there, keepalive: 25 });
    expect(
      steps.filter((step) => 'endpoint' in step && step.endpoint?.startsWith('192.0.2.1')).length,
    ).toBeLessThan(9);
  });

  it('can be removed at any moment, and nothing more is sent for it', () => {
    const contacts = new Contacts(own);
    const many = Array.from({ length: 10 }, (_, i) => `198.51.100.7:${4000 + i}` as SocketAddress);
    contacts.add(small, many, { now: 0, wall });
    expect(contacts.remove(small.publicKey)).toEqual([{ kind: 'remove', publicKey: small.publicKey }]);
    const later = [1000, 2000, 3000].flatMap((now) => contacts.tick(state(), now, wall + now));
    expect(new Set(kinds(later))).toEqual(new Set(['remove']));
  });
});

describe('the budget', () => {
  it('holds for everything that is sent because of frames, throwaway peers and fading packets too', () => {
    let [now, faded] = [0, 0];
    const contacts = new Contacts(own, () => {
      sent.push(now);
      faded += 1;
    });
    const victim = (i: number) => `198.51.100.7:${1000 + i}` as SocketAddress;
    const peers = Array.from({ length: 60 }, (_, i) => row(i, `10.42.2.${i + 1}`, i < 20 ? i : i + 100));
    const sent: number[] = [];
    // What WireGuard repeats by itself, every five seconds, is sent as well.
    const active = new Map<PublicKey, number>();
    const carryOut = (steps: Step[], now: number): void => {
      for (const [publicKey, last] of active)
        if (now - last >= 5000) {
          sent.push(now);
          active.set(publicKey, now);
        }
      for (const step of steps) {
        if (step.kind === 'remove' || step.kind === 'recreate') active.delete(step.publicKey);
        if (!('keepalive' in step) || !step.keepalive) continue;
        sent.push(now);
        active.set(step.publicKey, now);
      }
    };
    for (const [i, peer] of peers.entries())
      carryOut(contacts.add(peer, [victim(i), victim(i + 100), victim(i + 200)], { now: 0, wall }), 0);
    for (now = 1; now < 120_000; now = Math.min(now + 1000, Math.max(contacts.nextDue, now + 1))) {
      carryOut(contacts.tick(state(), now, wall + now), now);
      const [peer] = peers;
      if (peer && now < 60_000) carryOut(contacts.learn(peer.publicKey, [victim(Math.floor(now))], now), now);
    }
    for (const at of sent)
      expect(sent.filter((other) => other > at - 1000 && other <= at).length).toBeLessThanOrEqual(4);
    expect(sent.length).toBeGreaterThan(100);
    expect(faded).toBeGreaterThan(10);
  });

  it('allows four a second to one address, whatever the port', () => {
    const budget = new Budget();
    const sent = Array.from({ length: 40 }, (_, i) =>
      budget.take(`198.51.100.7:${1000 + i}` as SocketAddress, i * 50),
    ).filter(Boolean).length;
    expect(sent).toBe(8);
  });

  it('allows fifty a second in all; the others follow, and meanwhile wait for whoever comes', () => {
    const contacts = new Contacts(own);
    const peers = Array.from({ length: 120 }, (_, i) => row(i, `10.42.2.${i + 1}`, 100 + i));
    const first = peers.flatMap((peer, i) =>
      contacts.add(peer, [`198.51.100.${i + 1}:51820` as SocketAddress], { now: 0, wall }),
    );
    expect(first.length).toBe(120);
    expect(first.filter(({ kind }) => kind === 'recreate').length).toBe(50);
    const met = state(...peers.slice(0, 50).map(({ publicKey }) => session(publicKey)));
    const second = [contacts.tick(met, 900, wall), contacts.tick(met, 1100, wall)];
    expect(second.map((steps) => kinds(steps).filter((kind) => kind === 'recreate').length)).toEqual([0, 50]);
  });
});

it('a removed peer is forgotten', () => {
  const contacts = new Contacts(own);
  contacts.add(large, [there], { now: 0, wall });
  expect(contacts.remove(large.publicKey)).toEqual([{ kind: 'remove', publicKey: large.publicKey }]);
  expect(contacts.remove(large.publicKey)).toEqual([]);
  expect(contacts.tick(state(), 10_000, wall)).toEqual([]);
});
