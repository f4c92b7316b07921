// What a relay does with a packet: who registers, what passes, what nobody hears of.
import { describe, expect, it } from 'vitest';
import { mailboxOf } from '../../src/relay/mailbox.ts';
import { LIMITS } from '../../src/relay/relay.ts';
import type { Way } from '../../src/relay/told-ways.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { Ip } from '../../src/values/ip.ts';
import { PublicKey } from '../../src/values/key.ts';
import { ANN, ann, BOB, bob, CID, cid, DAN, dan, GivenRelay, pairs, peer, STRANGER } from './given-relay.ts';
import { cookie, data, initiation, response } from './messages.ts';

describe('a mailbox', () => {
  it('opens where its peer is heard, on any port, and is answered by four bytes', () => {
    const { relay, now } = new GivenRelay().opens(ann, ANN).opens(bob, '203.0.113.3:1');
    expect(relay.openPeers(now)).toEqual([ann.id, bob.id]);
  });

  it('moves with its router, but not twice within a second', () => {
    new GivenRelay()
      .opens(ann, ANN)
      .drops(initiation(ann.mailbox, 8), '203.0.113.2:9', 'movesTooOften')
      .after(1_000)
      .opens(ann, '203.0.113.2:9')
      .opens(bob, BOB)
      .gets(initiation(ann.publicKey, 1), BOB, '203.0.113.2:9: 148');
  });

  it('is answered once in twenty seconds: what it sends keeps its router open', () => {
    const given = new GivenRelay().opens(ann, ANN).after(5_000).gets(initiation(ann.mailbox, 8), ANN);
    given.after(14_900).gets(initiation(ann.mailbox, 9), ANN).after(100).opens(ann, ANN);
  });

  it('closes after a minute of silence', () => {
    const given = new GivenRelay().opens(ann, ANN).after(50_000).opens(ann, ANN).after(59_000);
    expect(given.relay.openPeers(given.now)).toEqual([ann.id]);
    expect(given.after(1_000).relay.openPeers(given.now)).toEqual([]);
    given.drops(initiation(bob.publicKey, 1), ANN, 'stranger');
  });

  it('aims the relay at no other host: nothing goes there before that host has answered a handshake', () => {
    new GivenRelay()
      .opens(bob, BOB)
      .drops(initiation(ann.mailbox, 7), STRANGER, 'otherHost')
      .drops(initiation(ann.publicKey, 1), BOB, 'waits')
      .drops(data(2), STRANGER, 'unknownIndex');
  });

  it('counts at another host of its router once a handshake has gone through it', () => {
    const given = new GivenRelay()
      .opens(bob, BOB)
      .drops(initiation(ann.mailbox, 7), STRANGER, 'otherHost')
      .gets(initiation(bob.publicKey, 1), STRANGER, `${BOB}: 148`)
      .gets(response(ann.publicKey, 2, 1), BOB, `${STRANGER}: 92`)
      .drops(data(1), BOB, 'noAddress')
      .drops(data(3), STRANGER, 'unknownIndex')
      .gets(data(2), STRANGER, `${BOB}: 128`);
    expect(given.ways('open')).toEqual([`${STRANGER} 2 ${BOB}`, `${BOB} 1 ${STRANGER}`]);
    given.passes(true, [STRANGER, BOB]);
  });

  it('opens at once when its peer is heard there a moment later', () => {
    const given = new GivenRelay();
    given.drops(initiation(bob.mailbox, 7), '192.0.2.3:9', 'otherHost');
    expect(given.last).toEqual([{ kind: 'claim' }]);
    given.relay.setPlace(bob.id, { host: '192.0.2.3' as Ip }, given.now);
    expect(given.relay.openPeers(given.now)).toEqual([bob.id]);
  });

  it('counts from the same /64, and from no other', () => {
    const eve = peer(6, { host: '2001:db8::1' as Ip });
    const given = new GivenRelay();
    given.relay.setPeers([ann, eve], pairs([ann, eve]), given.now);
    given.opens(eve, '[2001:db8::9]:5').drops(initiation(eve.mailbox, 7), '[2001:db8:0:1::1]:5', 'otherHost');
  });
});

describe('a handshake', () => {
  it('goes to the peer that it is for, and its response back', () => {
    const given = new GivenRelay().connected();
    expect(given.ways('open')).toEqual([`${ANN} 2 ${BOB}`, `${BOB} 1 ${ANN}`]);
    expect(given.relay.indicesOf(ann.id, bob.id)).toEqual({ own: 1, others: 2 });
    expect(given.relay.indicesOf(bob.id, ann.id)).toEqual({ own: 2, others: 1 });
    given.passes(true);
  });

  it('needs no mailbox of a peer in the open', () => {
    new GivenRelay()
      .opens(ann, ANN)
      .gets(initiation(ann.publicKey, 1), DAN, `${ANN}: 148`)
      .gets(response(dan.publicKey, 2, 1), ANN, `${DAN}: 92`)
      .gets(data(2), DAN, `${ANN}: 128`);
  });

  it('waits some seconds for a mailbox that is about to open', () => {
    new GivenRelay()
      .opens(ann, ANN)
      .drops(initiation(bob.publicKey, 1), ANN, 'waits')
      .drops(initiation(bob.publicKey, 2), ANN, 'waits')
      .gets(initiation(bob.mailbox, 7), BOB, `${BOB}: 4`, `${BOB}: 148`)
      .gets(response(ann.publicKey, 3, 2), BOB, `${ANN}: 92`)
      .drops(initiation(cid.publicKey, 5), ANN, 'waits')
      .after(5_000)
      .opens(cid, CID);
  });

  it('of a peer with one that it may not talk to, or that it does not see, goes nowhere', () => {
    new GivenRelay()
      .opens(bob, BOB)
      .opens(cid, CID)
      .drops(initiation(cid.publicKey, 1), BOB, 'forNobody')
      .drops(initiation(bob.publicKey, 1), CID, 'forNobody')
      .drops(initiation(bob.publicKey, 1), BOB, 'forNobody')
      .drops(initiation(bob.publicKey, 1), STRANGER, 'stranger');
  });

  it('is answered by none but the peer that was meant, once', () => {
    new GivenRelay()
      .opens(ann, ANN)
      .opens(bob, BOB)
      .opens(cid, CID)
      .gets(initiation(bob.publicKey, 1), ANN, `${BOB}: 148`)
      .drops(response(ann.publicKey, 2, 1), CID, 'unasked')
      .drops(response(ann.publicKey, 2, 1), STRANGER, 'stranger')
      .drops(response(cid.publicKey, 2, 1), BOB, 'unasked')
      .gets(response(ann.publicKey, 2, 1), BOB, `${ANN}: 92`)
      .drops(response(ann.publicKey, 2, 1), BOB, 'unasked');
  });

  it('takes no index that is in use with another peer', () => {
    new GivenRelay()
      .connected()
      .opens(cid, CID)
      .gets(initiation(cid.publicKey, 9), ANN, `${CID}: 148`)
      .drops(response(ann.publicKey, 2, 9), CID, 'full')
      .passes(true);
  });

  it('may be answered with a cookie by either end', () => {
    new GivenRelay()
      .opens(ann, ANN)
      .opens(bob, BOB)
      .gets(initiation(bob.publicKey, 1), ANN, `${BOB}: 148`)
      .gets(cookie(1), BOB, `${ANN}: 64`)
      .gets(response(ann.publicKey, 2, 1), BOB, `${ANN}: 92`)
      .gets(cookie(2), ANN, `${BOB}: 64`)
      .drops(cookie(1), STRANGER, 'stranger')
      .drops(cookie(5), ANN, 'unasked');
  });
});

it('a pair of one with IPv4 and one with IPv6 talks', () => {
  const eve = peer(6, { host: '2001:db8::1' as Ip });
  const given = new GivenRelay();
  given.relay.setPeers([ann, eve], pairs([ann, eve]), given.now);
  given
    .opens(ann, ANN)
    .opens(eve, '[2001:db8::1]:5')
    .gets(initiation(eve.publicKey, 1), ANN, '[2001:db8::1]:5: 148')
    .gets(response(ann.publicKey, 2, 1), '[2001:db8::1]:5', `${ANN}: 92`)
    .passes(true, [ANN, '[2001:db8::1]:5']);
});

describe('data', () => {
  it('passes for 185 s after the handshake', () => {
    const given = new GivenRelay().connected();
    for (let second = 0; second < 180; second += 20) given.after(20_000).opens(ann, ANN).opens(bob, BOB);
    given.passes(true).after(5_000);
    expect(given.ways('close')).toHaveLength(2);
    given.passes(false);
  });

  it('with a known index passes from another port of the same host, and takes nobody along', () => {
    new GivenRelay()
      .connected()
      .gets(data(2), '203.0.113.2:9', `${BOB}: 128`)
      .gets(data(1), BOB, `${ANN}: 128`)
      .drops(data(2), STRANGER, 'stranger')
      .drops(data(2), CID, 'stranger')
      .drops(data(5), ANN, 'unknownIndex');
  });

  it('follows a peer whose router changed the port', () => {
    const given = new GivenRelay().connected().after(1_000).opens(ann, '203.0.113.2:9');
    expect(given.ways('close')).toEqual([`${ANN} 2 ${BOB}`, `${BOB} 1 ${ANN}`]);
    expect(given.ways('open')).toEqual([`203.0.113.2:9 2 ${BOB}`, `${BOB} 1 203.0.113.2:9`]);
    given.passes(true, ['203.0.113.2:9', BOB]);
  });

  it('of the session before passes while the next one begins', () => {
    new GivenRelay()
      .connected()
      .gets(initiation(ann.publicKey, 12), BOB, `${ANN}: 148`)
      .gets(response(bob.publicKey, 11, 12), ANN, `${BOB}: 92`)
      .passes(true)
      .gets(data(12), ANN, `${BOB}: 128`)
      .gets(data(11), BOB, `${ANN}: 128`);
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['a header alone', data(2, 16)],
    ['a type that does not exist', Buffer.concat([Buffer.from([5, 0, 0, 0]), data(2).subarray(4)])],
    ['reserved bytes', Buffer.concat([Buffer.from([4, 0, 1, 0]), data(2).subarray(4)])],
    ['an initiation that is too long', Buffer.concat([initiation(bob.publicKey, 1), Buffer.alloc(1)])],
  ])('is not %s', (_, packet) => {
    new GivenRelay().connected().drops(packet, ANN, 'malformed');
  });
});

describe('cut off', () => {
  const closes = (given: GivenRelay, peers = [ann, bob, cid, dan], sees = pairs([ann, bob])): Way[] =>
    given.relay
      .setPeers(peers, sees, given.now)
      .flatMap((effect) => (effect.kind === 'close' ? [effect.way] : []));

  it('a peer is as soon as it is no longer served', () => {
    const given = new GivenRelay().connected();
    expect(closes(given, [bob, cid, dan])).toHaveLength(2);
    given
      .drops(data(2), ANN, 'stranger')
      .drops(data(1), BOB, 'unknownIndex')
      .drops(initiation(ann.mailbox, 1), ANN, 'stranger')
      .drops(initiation(ann.publicKey, 1), BOB, 'forNobody');
  });

  it('a pair is as soon as one end no longer sees the other', () => {
    const given = new GivenRelay().connected();
    expect(closes(given, undefined, (left) => left === ann.id)).toHaveLength(2);
    given.passes(false).drops(initiation(bob.publicKey, 1), ANN, 'forNobody');
  });

  it('a key is as soon as another takes its place', () => {
    const given = new GivenRelay().connected();
    expect(closes(given, [{ ...ann, publicKey: cid.publicKey }, bob])).toHaveLength(2);
    given.drops(data(2), ANN, 'stranger');
  });

  it('a handshake under way is too', () => {
    const given = new GivenRelay()
      .opens(ann, ANN)
      .opens(bob, BOB)
      .gets(initiation(bob.publicKey, 1), ANN, `${BOB}: 148`)
      .drops(initiation(cid.publicKey, 3), ANN, 'waits');
    closes(given, undefined, () => false);
    given.drops(response(ann.publicKey, 2, 1), BOB, 'unasked').opens(cid, CID);
  });

  it('nobody else is', () => {
    const given = new GivenRelay().connected();
    expect(closes(given, [ann, bob])).toEqual([]);
    given.passes(true);
  });
});

describe('limits', () => {
  it('a host begins so many handshakes at once, then so many a second', () => {
    const given = new GivenRelay({ ...LIMITS, handshakes: { perSecond: 100, burst: 20 } });
    given.opens(ann, ANN).opens(bob, BOB);
    for (let count = 1; count < 20; count += 1)
      given.gets(initiation(bob.publicKey, count), ANN, `${BOB}: 148`);
    given.drops(initiation(bob.publicKey, 1), ANN, 'tooOften').after(10);
    given
      .gets(initiation(bob.publicKey, 1), ANN, `${BOB}: 148`)
      .drops(initiation(bob.publicKey, 1), ANN, 'tooOften');
  });

  it('a peer that means nobody uses up its own', () => {
    const given = new GivenRelay({ ...LIMITS, triesOfOne: { perSecond: 1, burst: 3 } });
    given
      .opens(ann, ANN)
      .opens(bob, BOB)
      .drops(initiation(peer(9, {}).publicKey, 1), ANN, 'forNobody')
      .drops(initiation(bob.publicKey, 1), ANN, 'busy')
      .gets(initiation(ann.publicKey, 1), BOB, `${ANN}: 148`);
  });

  it('strangers use up what is for strangers alone', () => {
    const few = { perSecond: 1, burst: 8 };
    const given = new GivenRelay({ ...LIMITS, triesForStrangers: few });
    for (let count = 0; count < 20; count += 1)
      given.drops(initiation(ann.publicKey, 1), STRANGER, 'stranger');
    given.drops(initiation(ann.mailbox, 1), '198.51.100.10:1', 'stranger').opens(ann, ANN);
  });

  it('the oldest session ends where there are too many', () => {
    const given = new GivenRelay({ ...LIMITS, sessions: 1 }).connected();
    given
      .gets(initiation(ann.publicKey, 12), DAN, `${ANN}: 148`)
      .gets(response(dan.publicKey, 13, 12), ANN, `${DAN}: 92`)
      .passes(false)
      .gets(data(13), DAN, `${ANN}: 128`);
  });

  it('a handshake too many is not begun', () => {
    new GivenRelay({ ...LIMITS, waitingHandshakes: 1 })
      .opens(ann, ANN)
      .opens(bob, BOB)
      .gets(initiation(bob.publicKey, 1), ANN, `${BOB}: 148`)
      .drops(initiation(bob.publicKey, 2), ANN, 'full')
      .after(10_000)
      .gets(initiation(bob.publicKey, 2), ANN, `${BOB}: 148`);
  });
});

it('a later run goes on with the sessions of those that may still talk', () => {
  const before = new GivenRelay().connected();
  const kept = [[...before.relay.addresses()], [...before.relay.sessions()]] as const;
  const after = new GivenRelay();
  const kinds = after.relay.restore(...kept, after.now).map(({ kind }) => kind);
  expect(kinds).toEqual(['open', 'open', 'mailbox', 'mailbox']);
  after.passes(true);
  const apart = new GivenRelay();
  apart.relay.setPeers([ann, bob], () => false, apart.now);
  apart.relay.restore(...kept, apart.now);
  apart.passes(false);
});

it('a peer in the open is followed to its next endpoint', () => {
  const given = new GivenRelay().opens(ann, ANN);
  given.relay.setPlace(dan.id, { openAt: '203.0.113.5:9' as SocketAddress }, given.now);
  given
    .gets(initiation(dan.publicKey, 1), ANN, '203.0.113.5:9: 148')
    .drops(initiation(ann.publicKey, 1), DAN, 'stranger');
});

it('a mailbox has a key of its own at each relay', () => {
  const secret = new Uint8Array(32).fill(1);
  const keys = [
    mailboxOf(secret, ann.id, bob.id),
    mailboxOf(secret, bob.id, ann.id),
    mailboxOf(new Uint8Array(32), ann.id, bob.id),
  ];
  expect(new Set(keys).size).toBe(3);
  for (const key of keys) expect(PublicKey.parse(key)).toBe(key);
});
