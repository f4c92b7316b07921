// By which way two peers behind routers talk: relay first, direct once a round trip proved it, back when it dies.
import { describe, expect, it } from 'vitest';
import { Contacts } from '../../src/client/tunnels/contacts.ts';
import { Meetings } from '../../src/client/tunnels/meetings.ts';
import { type Facts, type PathAction, Paths } from '../../src/client/tunnels/paths.ts';
import type { Token } from '../../src/protocol/talk-message.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { DeviceState, PeerState } from '../../src/wireguard/device.ts';
import { key, row } from './sight.ts';

const wall = Date.UTC(2026, 0, 1);
const own = key(20);
/** Has the larger key: this side starts. */
const press = row(6, '10.42.1.6', 30);
const { publicKey } = press;
const one = { id: 1 as PeerId, place: '192.0.2.1:51821' as SocketAddress };
const two = { id: 2 as PeerId, place: '192.0.2.2:51821' as SocketAddress };
const there = '198.51.100.7:51820' as SocketAddress;
const elsewhere = '198.51.100.7:40001' as SocketAddress;
const facts: Facts = { relays: [one, two], places: [there] };
const theirs = 'T'.repeat(22) as Token;
/** Of the first trial; the one before it asked for the round trip. */
const ownToken = '2'.padStart(22, 'o') as Token;

/** The machine's paths, with a clock and a device that shows what is told. */
class Story {
  now = 0;
  readonly paths: Paths;
  #tokens = 0;
  #has: PeerState | undefined;

  constructor(ownKey = own) {
    this.paths = new Paths(ownKey, () => {
      this.#tokens += 1;
      return String(this.#tokens).padStart(22, 'o') as Token;
    });
    this.paths.canProbe = true;
    this.paths.prove('192.0.2.1');
  }

  begin(more: Partial<Facts> = {}) {
    return this.paths.add(press, { ...facts, ...more }, { now: this.now, wall });
  }

  /** What the device shows at that time. */
  at(now: number, has: Partial<PeerState> = {}): PathAction[] {
    this.now = now;
    const before = this.#has ?? { publicKey, keepalive: 25, rxBytes: 0, txBytes: 0, endpoint: one.place };
    this.#has = { ...before, ...has } as PeerState;
    const state: DeviceState = {
      publicKey: own,
      listenPort: 51820,
      peers: new Map([[publicKey, this.#has]]),
    };
    return this.paths.tick(state, now, wall + now);
  }

  /** A session by the relay, whose round trip has been asked for. */
  relayed(): this {
    this.begin();
    this.at(20, { latestHandshake: wall + 10, rxBytes: 92, txBytes: 148 });
    return this;
  }

  direct(): this {
    this.relayed();
    this.at(60);
    this.paths.hear(publicKey, { do: 'ready', token: theirs }, 70);
    this.paths.probed('answer', ownToken, 1, there, 80);
    this.at(500, { endpoint: there });
    return this;
  }
}

const endpoints = (actions: PathAction[]) =>
  actions.flatMap((action) =>
    action.do === 'step' && 'endpoint' in action.step ? [action.step.endpoint] : [],
  );
const kinds = (actions: PathAction[]) => actions.map((action) => action.do);

describe('a pair begins at the relay', () => {
  it('the starting side calls at once, again and again, then at the next relay, and gives it back then', () => {
    const story = new Story();
    expect(story.begin()).toMatchObject([
      { do: 'step', step: { kind: 'recreate', endpoint: one.place, keepalive: 25 } },
    ]);
    expect(endpoints([50, 300, 1000].flatMap((now) => story.at(now)))).toEqual([
      one.place,
      one.place,
      one.place,
    ]);
    expect(endpoints(story.at(2500))).toEqual([two.place]);
    for (const now of [2550, 2800, 3500]) story.at(now);
    expect(story.at(5000)).toEqual([{ do: 'apart', peer: publicKey }]);
  });

  it('the other side waits silently', () => {
    const story = new Story(key(40));
    expect(story.begin()).toMatchObject([{ step: { kind: 'set', endpoint: one.place, keepalive: 0 } }]);
    expect(story.at(5000)).toEqual([]);
  });

  it('asks once for the round trip, and keeps no tunnel up by itself: the mailbox does', () => {
    const story = new Story().relayed();
    const { paths } = story;
    expect(paths.hear(publicKey, { do: 'pong', token: '1'.padStart(22, 'o') }, 50)).toEqual([]);
    expect(paths.report(publicKey)).toMatchObject({ way: 'relayed', relay: one.id, roundTrip: 30 });
    paths.canProbe = false;
    expect(story.at(60)).toMatchObject([{ step: { kind: 'set', keepalive: 0 } }]);
    expect(story.at(5000, { keepalive: 0 })).toEqual([]);
  });
});

describe('the direct way', () => {
  it('is asked for through the tunnel, and probed once the other says its token', () => {
    const story = new Story().relayed();
    const actions = story.at(60);
    expect(kinds(actions)).toEqual(['step', 'ask', 'tell']);
    expect(actions[1]).toEqual({ do: 'ask', peer: publicKey, relay: one.id });
    expect(story.paths.hear(publicKey, { do: 'ready', token: theirs }, 70)).toEqual([
      { do: 'probe', to: there, token: theirs, number: 1 },
    ]);
    expect(kinds(story.at(170))).toEqual(['probe']);
  });

  it('is taken when a probe came back: first the rule, then the endpoint, then the word', () => {
    const story = new Story().relayed();
    story.at(60);
    story.paths.hear(publicKey, { do: 'ready', token: theirs }, 70);
    const actions = story.paths.probed('answer', ownToken, 1, there, 80);
    expect(kinds(actions)).toEqual(['insist', 'step', 'tell', 'tell']);
    expect(endpoints(actions)).toEqual([there]);
    expect(story.paths.report(publicKey)?.way).toBe('direct');
    // Packets under way by the relay turn WireGuard back.
    expect(endpoints(story.at(100, { endpoint: one.place }))).toEqual([there]);
  });

  it('is not taken for the answer to a token of nobody, nor before the other is ready', () => {
    const story = new Story().relayed();
    story.at(60);
    expect(story.paths.probed('answer', ownToken, 1, there, 65)).toEqual([]);
    story.paths.hear(publicKey, { do: 'ready', token: theirs }, 70);
    expect(story.paths.probed('answer', '9'.padStart(22, 'o'), 1, there, 80)).toEqual([]);
  });

  it('is answered by the other side, which goes where the probe that came back was from', () => {
    const story = new Story(key(40)).relayed();
    expect(kinds(story.paths.hear(publicKey, { do: 'try', token: theirs }, 100))).toEqual([
      'tell',
      'ask',
      'probe',
    ]);
    expect(story.paths.probed('probe', ownToken, 7, elsewhere, 110)).toEqual([
      { do: 'answer', to: elsewhere, token: theirs, number: 7 },
      { do: 'probe', to: elsewhere, token: theirs, number: 2 },
    ]);
    const actions = story.paths.hear(publicKey, { do: 'go', token: theirs, probe: 7 }, 120);
    expect(endpoints(actions)).toEqual([elsewhere]);
    // The starting side may still ask.
    expect(kinds(story.paths.probed('probe', ownToken, 8, elsewhere, 900))).toEqual(['answer']);
  });

  it('is tried by the side with the smaller key alone: two trials of one pair would change the way twice', () => {
    const [first, second] = [new Story().relayed(), new Story(key(40)).relayed()];
    const isAsking = (story: Story) =>
      [60, 2060, 4060].flatMap((now) => kinds(story.at(now))).includes('ask');
    expect([isAsking(first), isAsking(second)]).toEqual([true, false]);
    expect(first.paths.hear(publicKey, { do: 'try', token: theirs }, 100)).toEqual([]);
    second.paths.hear(publicKey, { do: 'try', token: theirs }, 5000);
    expect(second.paths.hear(publicKey, { do: 'ready', token: theirs }, 5010)).toEqual([]);
  });

  it('is given up after a second, with the reason, and tried ever more rarely', () => {
    const story = new Story().relayed();
    const trials: number[] = [];
    for (let now = 60; now < 800_000; now += 200) {
      const asked = story.at(now, { latestHandshake: wall + now }).find((action) => action.do === 'ask');
      if (!asked) continue;
      trials.push(Math.round(now / 1000));
      story.paths.hear(publicKey, { do: 'ready', token: theirs }, now);
      expect(story.paths.report(publicKey)?.way).toBe('relayed');
      story.at(now + 100);
      story.at(now + 1100);
    }
    expect(trials).toEqual([0, 31, 152, 754]);
    expect(story.paths.report(publicKey)?.reason).toBe('no probe got through the routers');
  });

  it('is not tried where both routers change ports, nor without raw sockets: nothing flips', () => {
    const hopeless = new Story();
    hopeless.begin({ hopeless: 'both change ports' });
    hopeless.at(20, { latestHandshake: wall + 10, rxBytes: 92, txBytes: 148 });
    expect(kinds(hopeless.at(60))).toEqual(['step']);
    expect(hopeless.paths.report(publicKey)?.reason).toBe('both change ports');
    const without = new Story().relayed();
    without.paths.canProbe = false;
    expect(kinds(without.at(60))).toEqual(['step']);
  });
});

describe('when the direct way dies', () => {
  it('asks the other program after a second, and takes the relay after one and a half', () => {
    const story = new Story().direct();
    story.at(1000, { txBytes: 1000 });
    expect(story.at(1900)).toEqual([]);
    expect(story.at(2000)).toMatchObject([{ do: 'tell', message: { do: 'ping' } }]);
    expect(endpoints(story.at(2500))).toEqual([one.place]);
    expect(story.paths.report(publicKey)).toMatchObject({ way: 'relayed', reason: 'the direct way died' });
    // What was under way turns WireGuard back.
    expect(endpoints(story.at(2700, { endpoint: there }))).toEqual([one.place]);
  });

  it('begins a session at the relay when it was renewed on the direct way: the relay passes no other', () => {
    const story = new Story().direct();
    story.at(1000, { txBytes: 1000, latestHandshake: wall + 900 });
    story.at(2000);
    expect(story.at(2500)).toMatchObject([{ step: { kind: 'recreate', endpoint: one.place } }]);
    expect(endpoints(story.at(2550, { endpoint: one.place, latestHandshake: undefined }))).toEqual([
      one.place,
    ]);
  });

  it('does not take a stream in one direction for a dead way', () => {
    const story = new Story().direct();
    story.at(1000, { txBytes: 1000 });
    const [ping] = story.at(2000);
    if (ping?.do !== 'tell') throw new Error('no ping');
    story.paths.hear(publicKey, { do: 'pong', token: ping.message.token }, 2100);
    expect(endpoints(story.at(2500, { txBytes: 2000, rxBytes: 400 }))).toEqual([]);
    expect(story.paths.report(publicKey)?.way).toBe('direct');
  });

  it('tries again after five seconds, but rests for ten minutes after the third fall', () => {
    const story = new Story().direct();
    const trials: number[] = [];
    for (let now = 1000; now < 620_000; now += 250) {
      // Nothing of the direct way arrives, and the other side says that it is ready each time.
      const isDirect = story.paths.report(publicKey)?.way === 'direct';
      const sent = {
        latestHandshake: wall + now,
        txBytes: now,
        ...(isDirect ? {} : { rxBytes: now, endpoint: one.place }),
      };
      const actions = story.at(now, sent);
      const asked = actions.find((action) => action.do === 'tell' && action.message.do === 'try');
      if (asked?.do !== 'tell') continue;
      trials.push(now);
      story.paths.hear(publicKey, { do: 'ready', token: theirs }, now);
      story.paths.probed('answer', asked.message.token, 1, there, now);
      story.at(now + 10, { endpoint: there });
    }
    expect((trials[1] ?? 0) - (trials[0] ?? 0)).toBeLessThan(10_000);
    expect((trials[2] ?? 0) - (trials[1] ?? 0)).toBeGreaterThanOrEqual(600_000);
  });

  it('takes the relay at once when the peer was seen elsewhere: the relay knows its new address first', () => {
    const { paths } = new Story().direct();
    expect(endpoints(paths.learn(publicKey, facts, 3000, true))).toEqual([one.place]);
  });

  it('takes the next relay when the first one dies too', () => {
    const story = new Story().relayed();
    story.paths.canProbe = false;
    story.paths.hear(publicKey, { do: 'pong', token: theirs }, 30);
    story.at(1000, { txBytes: 1000 });
    // Which has seen no handshake of theirs.
    expect(story.at(2500)).toMatchObject([{ step: { kind: 'recreate', endpoint: two.place } }]);
    // Where that one is as silent, the other's program is: the relay is not changed again and again.
    story.at(2600, { endpoint: two.place, latestHandshake: wall + 2550, rxBytes: 200 });
    story.at(3000, { txBytes: 3000 });
    expect(endpoints(story.at(5000))).toEqual([]);
  });

  it('waits a moment for the side that begins there, unless there is a sign of life', () => {
    const silent = () => {
      const story = new Story(key(40)).relayed();
      story.paths.hear(publicKey, { do: 'pong', token: theirs }, 30);
      story.at(1000, { txBytes: 1000 });
      expect(endpoints(story.at(2500))).toEqual([]);
      return story;
    };
    expect(silent().at(2800)).toMatchObject([{ step: { kind: 'recreate', endpoint: two.place } }]);
    const met = silent();
    met.at(2600, { endpoint: two.place, latestHandshake: wall + 2590, rxBytes: 300 });
    expect(endpoints(met.at(2800))).toEqual([]);
    expect(met.paths.report(publicKey)?.relay).toBe(two.id);
    const alive = silent();
    alive.at(2600, { rxBytes: 300 });
    expect(endpoints(alive.at(2800))).toEqual([]);
    expect(alive.paths.report(publicKey)?.relay).toBe(one.id);
  });
});

describe('pairs are shared', () => {
  const both = (isBehindRouters: boolean, more: Partial<Facts> = {}) => ({
    ...facts,
    ...more,
    isBehindRouters,
  });

  it('one in the open has its rounds as ever, with the relays as the last places', () => {
    const meetings = new Meetings(new Contacts(own), new Paths(own, () => theirs));
    const [action] = meetings.add(press, both(false), { now: 0, wall });
    expect(action).toMatchObject({ step: { kind: 'recreate', endpoint: there } });
    expect(meetings.contacts.knows(publicKey)).toBe(true);
    expect(meetings.paths.knows(publicKey)).toBe(false);
  });

  it('a pair that no relay has led to is met in its places, and taken back once it is met', () => {
    const meetings = new Meetings(new Contacts(own), new Paths(own, () => theirs));
    meetings.paths.prove('192.0.2.1');
    meetings.add(press, both(true, { relays: [one] }), { now: 0, wall });
    const state = (has: Partial<PeerState>): DeviceState => ({
      publicKey: own,
      listenPort: 51820,
      peers: new Map([
        [publicKey, { publicKey, keepalive: 25, rxBytes: 0, txBytes: 0, ...has } as PeerState],
      ]),
    });
    for (const now of [50, 300, 1000]) meetings.tick(state({}), now, wall + now);
    expect(endpoints(meetings.tick(state({}), 2500, wall + 2500))).toEqual([there]);
    expect(meetings.contacts.knows(publicKey)).toBe(true);
    meetings.tick(state({ latestHandshake: wall + 2600, endpoint: there }), 2600, wall + 2600);
    expect(meetings.contacts.knows(publicKey)).toBe(false);
    expect(meetings.paths.report(publicKey)?.way).toBe('direct');
  });

  it('the newcomer starts, also where its mailbox opens a little later: two that start lose five seconds', () => {
    const meetings = new Meetings(new Contacts(own), new Paths(own, () => theirs));
    meetings.paths.prove('192.0.2.1');
    meetings.add(press, both(true, { relays: [], places: [] }), { now: 0, wall, newcomer: 'other' });
    meetings.learn(publicKey, both(true), 200);
    const state: DeviceState = { publicKey: own, listenPort: 51820, peers: new Map() };
    const [action] = meetings.tick(state, 200, wall + 200);
    expect(action).toMatchObject({ step: { kind: 'set', endpoint: one.place, keepalive: 0 } });
  });

  it('a relay that is cleared leaves direct pairs as they are, and others to their places', () => {
    const meetings = new Meetings(new Contacts(own), new Paths(own, () => theirs));
    const live = { publicKey, keepalive: 25, rxBytes: 0, txBytes: 0, latestHandshake: wall, allowedIps: [] };
    const has = { ...live, endpoint: there };
    meetings.add(press, both(true), { now: 0, wall, has });
    meetings.learn(publicKey, both(true, { relays: [] }), 10);
    const state = { publicKey: own, listenPort: 51820, peers: new Map([[publicKey, has]]) };
    expect(meetings.tick(state, 10, wall)).toEqual([]);
    expect(meetings.contacts.isMet(publicKey)).toBe(true);
  });
});
