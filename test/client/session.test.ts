// The session with the server, given what happened before: what it wants done when something happens next.
import { describe, expect, it } from 'vitest';
import type { Doubt, Standing } from '../../src/client/memory/doubt.ts';
import type { Mirror } from '../../src/client/memory/mirror.ts';
import type { End, Loss } from '../../src/client/sync/end.ts';
import { Session } from '../../src/client/sync/session.ts';
import type { Goal, SessionEffect, SessionEvent } from '../../src/client/sync/session-events.ts';
import type { ServerFrame } from '../../src/protocol/frames.ts';
import type { Endpoint } from '../../src/values/endpoint.ts';
import { Failure } from '../../src/values/failure.ts';
import { History, mirrorAt, own, row, server } from './sight.ts';

const history = new History(30);
const bob = row(5, '10.42.1.5', 50, { name: 'bob' });
const POLL_EVERY = 60;

const START: SessionEvent = { kind: 'start', goal: { kind: 'follow' } };
const REACHED: SessionEvent = { kind: 'reached', isNew: true };
const OPENED: SessionEvent = { kind: 'opened', isProved: true };
const RESTED: SessionEvent = { kind: 'rested' };
const welcome = (position: number, of = history): SessionEvent => ({
  kind: 'frame',
  frame: {
    kind: 'welcome',
    network: history.head(1).networkId,
    position: position as never,
    hash: of.head(position).hash,
    heartbeat: 20,
    boot: 'boot',
    sequence: 0,
  },
});
const frame = (it: ServerFrame): SessionEvent => ({ kind: 'frame', frame: it });
const delta = (from: number, to: number, changes: Parameters<History['delta']>[2] = {}): SessionEvent =>
  frame(history.delta(from, to, changes));
const lost = (loss: Loss): SessionEvent => ({ kind: 'ended', end: { kind: 'lost', loss } });
const refused = (status: number, isProved = true): SessionEvent => ({
  kind: 'ended',
  end: { kind: 'refused', status, isProved },
});
const LEVEL: SessionEvent = { kind: 'level' };
const state = (peers = [server, own, bob], unreadable: string[] = []): SessionEvent => ({
  kind: 'state',
  state: { peers, cidrs: [], observations: [], unreadable },
  heardAt: 1_000_000,
});

/** What is known of the server's proofs; a test changes it as the runner would. */
class Known {
  standing: Standing = 'proves';
  doubt: Doubt | null = null;
  hint = 'the way out';

  doubtOf({ knowsHistory }: { knowsHistory: boolean }): Doubt | undefined {
    if (this.standing === 'proves') return 'Unproved';
    return this.standing === 'unknown' && knowsHistory ? 'NoHistory' : undefined;
  }
}

type Facts = { mirror?: Mirror; standing?: Standing; random?: number };

/** A session after these events, an event a millisecond. */
const given = (events: SessionEvent[], { mirror, standing = 'proves', random = 0.5 }: Facts = {}) => {
  const trust = new Known();
  trust.standing = standing;
  const seen = mirror ?? mirrorAt(history, 3, [bob]);
  const session = new Session({
    canLimit: () => false,
    mirror: seen,
    trust,
    serverEndpoint: () => 'vpn.example.org:51820' as Endpoint,
    pollEvery: POLL_EVERY,
    random: () => random,
  });
  let now = 0;
  const give = (event: SessionEvent): SessionEffect[] => {
    const effects = session.on(event, now++);
    // Taking is the runner's: without it the mirror would stay as it was.
    for (const effect of effects) if (effect.do === 'commit') seen.take(effect.effect);
    return effects;
  };
  for (const event of events) give(event);
  return {
    session,
    mirror: seen,
    trust,
    /** What comes of the next event, after so many milliseconds. */
    when: (event: SessionEvent, after = 0): SessionEffect[] => {
      now += after;
      return give(event);
    },
  };
};

/** The effects by their kinds, with what matters of each. */
const told = (effects: SessionEffect[]): string[] =>
  effects.map((effect) => {
    switch (effect.do) {
      case 'cut':
        return `cut ${effect.loss}`;
      case 'rest':
        return `rest ${effect.milliseconds}`;
      case 'reach':
        return effect.isTrusted ? 'reach if needed' : 'reach';
      case 'say':
      case 'complain':
        return `${effect.do}: ${effect.message.split(/[:(]/)[0]?.trim()}`;
      case 'finish':
        return effect.failure ? `fail: ${effect.failure.message}` : 'done';
      default:
        return effect.do;
    }
  });

const STREAMING = [START, REACHED, OPENED, welcome(3)];

describe('a stream', () => {
  it('is opened from the own position once the server’s WireGuard was tried', () => {
    const { when } = given([START]);
    const [open] = when(REACHED);
    expect(open).toMatchObject({
      do: 'open',
      query: { position: 3, hash: history.head(3).hash },
      isNewcomer: false,
    });
  });

  it('greets, then takes what follows: committed, then told', () => {
    const { when, session } = given([START, REACHED]);
    expect(told(when(OPENED))).toEqual(['believe']);
    expect(told(when(welcome(3)))).toEqual(['greet', 'tell']);
    expect(session.status.connected).toBe(true);
    expect(told(when(delta(3, 4, { removed: [5] })))).toEqual(['commit', 'tell']);
  });

  it('hears the clock of a server that has proved itself, of no other; one that was set back may show more', () => {
    const timed = frame({ ...history.welcome(3), now: 1_800_000_000_000 } as ServerFrame);
    const { when } = given([START, REACHED, OPENED]);
    expect(told(when(timed))).toEqual(['greet', 'hearClock', 'tell']);
    expect(told(when({ kind: 'clockSetBack' }))).toEqual(['fetch']);
    const unproved: SessionEvent = { kind: 'opened', isProved: false };
    expect(told(given([START, REACHED, unproved], { standing: 'older' }).when(timed))).toEqual([
      'greet',
      'tell',
    ]);
  });

  it('passes over what is known, and is cut where something is missing', () => {
    const { when } = given(STREAMING);
    expect(told(when(delta(1, 3)))).toEqual([]);
    expect(told(when(delta(5, 6)))).toEqual(['cut gap']);
  });

  it('fetches what is too big for a frame, and names the position that the answer must have', () => {
    const { when } = given(STREAMING);
    const effects = when(frame({ kind: 'fetch', position: 9 as never, hash: history.head(9).hash }));
    expect(effects).toEqual([{ do: 'fetch', least: 9 }, { do: 'tell' }]);
    const [commit] = when({
      kind: 'snapshot',
      snapshot: history.snapshot(3, 9, [server, own]),
      reached: undefined,
    });
    expect(commit).toMatchObject({ do: 'commit', effect: { peers: { removed: [5] } } });
  });

  it('says another history once, obeys its removals and asks for all there is', () => {
    const fork = history.fork(2, 9);
    const { when } = given([START, REACHED, OPENED]);
    expect(told(when(welcome(3, fork)))).toEqual(['greet', 'say: ALARM', 'commit', 'fetch', 'tell']);
    const again = when({
      kind: 'snapshot',
      snapshot: fork.snapshot(2, 9, [server, own]),
      reached: undefined,
    });
    expect(told(again)).toEqual(['commit']);
    expect(again[0]).toMatchObject({ effect: { peers: { changed: [], removed: [5] } } });
  });

  it('is cut by a frame that cannot be taken, and nothing that follows on it is taken', () => {
    const { when } = given(STREAMING);
    const untaken: SessionEvent = { kind: 'untaken', message: 'cannot write', status: undefined };
    expect(told(when(untaken))).toEqual(['complain: cannot write', 'cut untaken']);
    expect(when(delta(3, 4, { removed: [5] }))).toEqual([]);
    expect(told(when(lost('untaken')))).toEqual(['rest 250']);
    expect(told(when(RESTED))).toEqual(['reach']);
  });

  it('asks once for all there is when the server speaks of something unknown', () => {
    const { when } = given(STREAMING);
    expect(told(when({ kind: 'unknown', frameKind: 'weather' }))).toEqual([
      'fetch',
      'say: the server speaks of "weather", which this program does not know',
    ]);
    expect(when({ kind: 'unknown', frameKind: 'weather' })).toEqual([]);
  });

  it('resumes the observations where it was', () => {
    const endpoints = frame({ kind: 'endpoints', boot: 'boot', sequence: 7, peers: [] });
    const { when } = given([...STREAMING, endpoints, lost('broken'), RESTED]);
    expect(when(REACHED)[0]).toMatchObject({ query: { boot: 'boot', sequence: 7 } });
  });
});

describe('between two streams', () => {
  const FAILED = [REACHED, lost('broken'), RESTED];
  const attempts = (count: number): SessionEvent[] => [
    START,
    ...Array.from({ length: count }, () => FAILED).flat(),
    REACHED,
  ];

  it.each([
    [0, 250],
    [1, 500],
    [3, 2_000],
    [20, 15_000],
  ])('the pause grows: after %i failures half of the limit is %i ms', (count, milliseconds) =>
    expect(told(given(attempts(count)).when(lost('broken')))).toEqual([`rest ${milliseconds}`]),
  );

  it('it begins small again once a stream was level', () => {
    const { when } = given([...attempts(5), OPENED, welcome(3), LEVEL]);
    expect(told(when(lost('broken')))).toEqual(['rest 250']);
  });

  it.each<[Loss, string]>([
    ['broken', 'reach'],
    ['silent', 'reach'],
    ['notListening', 'reach if needed'],
    ['otherAddresses', 'reach if needed'],
  ])('after %s the next thing is: %s', (loss, expected) =>
    expect(told(given([...STREAMING, lost(loss)]).when(RESTED))).toEqual([expected]),
  );

  it('a server that says it knows no stream: the stream is tried at once, a pause is short, no handshake is needed', () => {
    const silent: SessionEvent = { kind: 'noStream' };
    expect(told(given(STREAMING).when(silent))).toEqual(['probe']);
    const { when } = given([
      ...STREAMING,
      lost('silent'),
      RESTED,
      REACHED,
      lost('broken'),
      RESTED,
      lost('broken'),
    ]);
    expect(told(when(silent))).toEqual([]); // it is being reached
    const resting = given([...STREAMING, lost('silent')], { random: 1 });
    expect(told(resting.when(silent))).toEqual(['rest 500']);
    expect(told(resting.when(RESTED))).toEqual(['reach if needed']);
  });

  it('a server that is behind sends it away: its other addresses are tried', () => {
    const { when } = given([...STREAMING, { kind: 'ended', end: { kind: 'closed', code: 4012 } }]);
    expect(told(when(RESTED))).toEqual(['reach']);
  });

  it('other addresses end the pause at once; a move meets everybody again', () => {
    const { when } = given([...STREAMING, lost('notListening')]);
    expect(told(when({ kind: 'addresses', moved: true }))).toEqual([
      'guardRange',
      'say: this machine has another address',
      'move',
      'cut otherAddresses',
      'reach',
    ]);
  });

  it('a device that is not there is repaired', () => {
    const failure = new Failure('the network acme is not up on this machine');
    const { when } = given([START, REACHED]);
    expect(told(when({ kind: 'noWay', failure }))).toEqual([
      'complain: the network acme is not up on this machine',
      'repairDevice',
      'rest 250',
    ]);
  });

  it('nothing happens after the stop', () => {
    const { when } = given(STREAMING);
    expect(told(when({ kind: 'stop' }))).toEqual(['cut stopping']);
    expect([lost('stopping'), RESTED, delta(3, 4)].flatMap((event) => when(event))).toEqual([]);
  });
});

describe('a machine that was shut out', () => {
  const revoked = frame({ kind: 'revoked', reason: 'disabled' });

  it('lets go of all tunnels but the server’s, and says so', () => {
    const { when, session } = given(STREAMING);
    const effects = when(revoked);
    expect(told(effects)).toEqual([
      'say: this machine was shut out of the network',
      'commit',
      'endRelay',
      'endRouter',
      'cut stopping',
    ]);
    expect(effects[1]).toMatchObject({ effect: { peers: { removed: [5] } } });
    expect(session.status).toMatchObject({ connected: false, isShutOut: true });
  });

  it('looks each second for a handshake, and asks again when there is one, or after a minute', () => {
    const { when } = given([...STREAMING, revoked]);
    expect(told(when(lost('stopping')))).toEqual(['knock', 'rest 1000']);
    expect(told(when(RESTED))).toEqual(['lookForHandshake']);
    expect(told(when({ kind: 'handshake', isThere: false }))).toEqual(['rest 1000']);
    when(RESTED);
    expect(told(when({ kind: 'handshake', isThere: true }))).toEqual(['reach']);
    const later = given([...STREAMING, revoked, lost('stopping'), RESTED]);
    expect(told(later.when({ kind: 'handshake', isThere: false }, 60_000))).toEqual(['reach']);
  });

  it('is told once that it may be disabled, and is in again with the next greeting', () => {
    const { when, session } = given([START, REACHED]);
    expect(told(when(refused(401)))).toEqual(['rest 1000', 'say: the server does not let this machine in']);
    for (const event of [RESTED, { kind: 'handshake', isThere: true } as const, REACHED]) when(event);
    expect(told(when(refused(401)))).not.toContain('say: the server does not let this machine in');
    for (const event of [RESTED, { kind: 'handshake', isThere: true } as const, REACHED]) when(event);
    when(OPENED);
    when(welcome(3));
    expect(session.status.isShutOut).toBe(false);
  });
});

describe('what is not proved', () => {
  it('is not taken of a server that proves itself; the alarm is said once', () => {
    const { when, trust } = given([START, REACHED]);
    const unproved: SessionEvent = { kind: 'opened', isProved: false };
    expect(told(when(unproved))).toEqual(['doubt', 'say: ALARM', 'cut unproved']);
    trust.doubt = 'Unproved';
    for (const event of [lost('unproved'), RESTED, REACHED]) when(event);
    expect(told(when(unproved))).toEqual(['doubt', 'cut unproved']);
  });

  it('is obeyed in removals alone where a history is known', () => {
    const { when } = given([START, REACHED, { kind: 'opened', isProved: false }], { standing: 'unknown' });
    expect(told(when(welcome(9, new History(9, 'b'))))).toEqual(['greet', 'tell']);
    const [commit] = when(delta(3, 4, { changed: [row(6, '10.42.1.6', 60)], removed: [5] }));
    expect(commit).toMatchObject({ do: 'commit', effect: { peers: { changed: [], removed: [5] } } });
  });

  it('counts when the user has said that the server is an older one', () => {
    const { when } = given([START, REACHED, { kind: 'opened', isProved: false }, welcome(3)], {
      standing: 'older',
    });
    expect(told(when(delta(3, 4, { changed: [row(6, '10.42.1.6', 60)] })))).toEqual(['commit', 'tell']);
  });

  it.each([
    [401, true],
    [404, true],
    [429, false],
  ])('a refusal %i shuts nobody out; it raises a doubt: %s', (status, isDoubt) => {
    const { when, session } = given([START, REACHED]);
    const effects = told(when(refused(status, false)));
    expect(effects[0]).toBe('rest 250');
    expect(effects.includes('doubt')).toBe(isDoubt);
    expect(session.status.isShutOut).toBe(false);
  });

  it('is asked again at once when the user acknowledges', () => {
    const { when, mirror } = given([START, REACHED, { kind: 'opened', isProved: false }, lost('unproved')]);
    expect(told(when({ kind: 'acknowledged' }))).toEqual(['cut acknowledged', 'reach if needed']);
    expect(mirror.isDoubted).toBe(false);
  });
});

describe('an older server', () => {
  const OLDER = [START, REACHED, refused(404), { kind: 'capabilities', hasStream: false } as const];
  const older = { standing: 'older' } as const;

  it('is one that refuses the stream and says that it has none', () => {
    const { when, session } = given([START, REACHED], older);
    expect(told(when(refused(404)))).toEqual(['askCapabilities']);
    expect(told(when({ kind: 'capabilities', hasStream: false }))).toEqual([
      'askState',
      'say: this server has no live stream',
      'say: it shows no history either, as it did before',
    ]);
    expect(session.status.polled).toBe(true);
  });

  it.each([true, undefined])('is not one whose answer is %s', (hasStream) =>
    expect(
      told(given([START, REACHED, refused(404)], older).when({ kind: 'capabilities', hasStream })),
    ).toEqual(['rest 250']),
  );

  it('is not believed where the server proved itself before', () => {
    const { when, session } = given([START, REACHED, refused(404)]);
    expect(told(when({ kind: 'capabilities', hasStream: false }))[0]).toBe('rest 250');
    expect(session.status.polled).toBe(false);
  });

  it('is asked again and again, and told the candidates', () => {
    const { when, session } = given(OLDER, older);
    expect(told(when(state()))).toEqual(['relieve', 'commit', 'observe', 'report']);
    expect(session.status).toMatchObject({ connected: true, heard: 1_000_000 });
    expect(told(when({ kind: 'reported' }))).toEqual(['rest 60000']);
    expect(told(when(RESTED))).toEqual(['reach if needed']);
    expect(told(when(REACHED))).toEqual(['askCapabilities']);
    expect(told(when({ kind: 'capabilities', hasStream: false }))).toEqual(['askState']);
  });

  it('is followed as others are once it has a stream', () => {
    const { when, session } = given([...OLDER, state(), { kind: 'reported' }, RESTED, REACHED], older);
    expect(told(when({ kind: 'capabilities', hasStream: true }))).toEqual([
      'say: the server has a live stream now',
      'reach if needed',
    ]);
    expect(session.status.polled).toBe(false);
    expect(told(when(REACHED))).toEqual(['open']);
  });

  it('names a few of the rows that cannot be understood, once', () => {
    const { when } = given(OLDER, older);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect(when(state([server, own, bob], names))).toContainEqual({
      do: 'say',
      message: 'rows cannot be understood: a, b, c, d, e, 2 more',
    });
    expect(told(when(state([server, own, bob], names)))).not.toContain('say: rows cannot be understood');
  });

  it('that refuses has shut this machine out; one that is away is complained of', () => {
    const { when, session } = given(OLDER, older);
    const away: SessionEvent = { kind: 'unanswered', message: 'no answer', status: undefined };
    expect(told(when(away))).toEqual(['rest 60000', 'complain: no answer']);
    for (const event of [RESTED, REACHED, { kind: 'capabilities', hasStream: undefined } as const])
      when(event);
    expect(told(when({ kind: 'unanswered', message: 'refused', status: 401 }))).toEqual([
      'rest 60000',
      'complain: refused',
    ]);
    expect(session.status.isShutOut).toBe(true);
  });

  it('whose answer a user asked for in a pause leaves the pause as it is', () => {
    const { when } = given([...OLDER, state(), { kind: 'reported' }], older);
    expect(told(when(state()))).toEqual(['relieve', 'observe', 'report']);
    expect(when({ kind: 'reported' })).toEqual([]);
    expect(told(when(RESTED))).toEqual(['reach if needed']);
  });
});

describe('a verb that wants to be level', () => {
  const goal: Goal = { kind: 'level', deadline: 15_000 };
  const start: SessionEvent = { kind: 'start', goal };

  it('is done when the first news are taken', () => {
    const { when } = given([start, REACHED, OPENED, welcome(3)]);
    expect(told(when(LEVEL))).toEqual(['cut level']);
    expect(told(when(lost('level')))).toEqual(['done']);
  });

  it('tries again after half a second at most', () =>
    expect(
      told(
        given([start, REACHED, lost('broken'), RESTED, REACHED, lost('broken'), RESTED, REACHED], {
          random: 1,
        }).when(lost('broken')),
      ),
    ).toEqual(['rest 500']));

  it('cuts a slow stream at the deadline, and says that nobody answers', () => {
    const { when } = given([start, REACHED]);
    expect(told(when({ kind: 'unfit', loss: 'slow' }, 15_000))).toEqual(['cut slow']);
    when(lost('slow'));
    expect(told(when(RESTED))).toEqual(['fail: the server at vpn.example.org:51820 does not answer']);
  });

  it.each<[End, string]>([
    [
      { kind: 'refused', status: 500, isProved: true },
      'the server does not let this machine in (HTTP status 500)',
    ],
    [
      { kind: 'refused', status: 401, isProved: true },
      'this machine was shut out of the network: it was disabled or deleted',
    ],
    [{ kind: 'noWay', failure: new Failure('not up') }, 'not up'],
  ])('fails with the reason of the last end %j', (end, message) => {
    const { when } = given([start, REACHED, end.kind === 'noWay' ? end : { kind: 'ended', end }]);
    expect(told(when(RESTED, 15_000))).toEqual([`fail: ${message}`]);
  });

  it('is done with what an older server shows', () => {
    const { when } = given(
      [start, REACHED, refused(404), { kind: 'capabilities', hasStream: false }, state()],
      {
        standing: 'older',
      },
    );
    expect(told(when({ kind: 'reported' }))).toEqual(['done']);
  });
});
