// Peers that end: who sets when, what is refused, what the timer does, and how they are let in again.
import { describe, expect, it } from 'vitest';
import { endingSoon } from '../../src/domain/ends.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { Duration, durationText, Timestamp } from '../../src/values/time.ts';
import { acme, ids, keyOf, peerId } from '../acme.ts';
import { AFTER_NOON, type Asked, BEFORE_NOON, given, NOON, networkOf } from '../given.ts';

const { network } = acme;
const IN_AN_HOUR = Timestamp.parse('2026-11-22T13:00:00.000Z');
const ends = (expires: Timestamp | null, id = ids.bob): NetworkEvent => ({
  type: 'PeerExpirySet',
  peerId: id,
  expires,
});
const expired: NetworkEvent = { type: 'PeerExpired', peerId: ids.bob };
const enabled: NetworkEvent = { type: 'PeerEnabled', peerId: ids.bob };
const addMia = (more: object = {}): Asked => ({
  type: 'AddPeer',
  name: 'mia',
  cidr: 'bakers',
  isAdmin: false,
  publicKey: keyOf('mia'),
  inviteExpires: null,
  ...more,
});
const mia: NetworkEvent = {
  type: 'PeerAdded',
  peerId: peerId(7),
  name: 'mia',
  ip: acme.at('bakers', 3),
  cidrId: ids.bakers,
  publicKey: keyOf('mia'),
  isAdmin: false,
  inviteExpires: null,
};

describe('the end of a peer', () => {
  it('is a moment, a span from now by the clock that decides, or none', () => {
    const bob = given(network);
    bob.when({ type: 'SetExpiry', peer: 'bob', expires: IN_AN_HOUR }).emits(ends(IN_AN_HOUR));
    bob.when({ type: 'SetExpiry', peer: 'bob', expires: 3600 }).emits(ends(IN_AN_HOUR));
    bob.when({ type: 'SetExpiry', peer: 'bob', expires: null }).emitsNothing();
    given(network, ends(IN_AN_HOUR))
      .when({ type: 'SetExpiry', peer: 'bob', expires: null })
      .emits(ends(null));
    given(network, ends(IN_AN_HOUR)).when({ type: 'SetExpiry', peer: 'bob', expires: 3600 }).emitsNothing();
  });

  it('is not in the past, unless the peer is disabled: then it says that enabling takes another one', () => {
    const past: Asked = { type: 'SetExpiry', peer: 'bob', expires: NOON };
    given(network).when(past).refuses({ code: 'EndInPast', expires: NOON });
    given(network, { type: 'PeerDisabled', peerId: ids.bob }).when(past).emits(ends(NOON));
  });

  it("is never the server's", () =>
    given(network)
      .when({ type: 'SetExpiry', peer: 'innernet-server', expires: 3600 })
      .refuses({ code: 'ServerIsFixed', what: 'peer' }));

  it('comes with the peer that is added, in its commit', () => {
    given(network)
      .when(addMia({ expires: 3600 }))
      .emits(mia, ends(IN_AN_HOUR, peerId(7)));
    given(network)
      .when(addMia({ expires: BEFORE_NOON }))
      .refuses({ code: 'EndInPast', expires: BEFORE_NOON });
  });
});

describe('the default of the network', () => {
  const set: NetworkEvent = { type: 'DefaultExpirySet', seconds: 3600 };

  it('holds for peers that are added from then on and say nothing else', () => {
    given(network, set)
      .when(addMia())
      .emits(mia, ends(IN_AN_HOUR, peerId(7)));
    given(network, set)
      .when(addMia({ expires: null }))
      .emits(mia);
    given(network, set, { type: 'DefaultExpirySet', seconds: null }).when(addMia()).emits(mia);
    expect(networkOf(network, set).peer(ids.bob)?.expires).toBeUndefined();
  });

  it('is set once', () =>
    given(network, set).when({ type: 'SetDefaultExpiry', seconds: 3600 }).emitsNothing());
});

describe('the timer', () => {
  const timer = (now: Timestamp) => ({ actor: { kind: 'server' }, now }) as const;
  const sweep: Asked = { type: 'ExpirePeers' };

  it('cuts off those whose time is over, once', () => {
    given(network, ends(NOON)).when(sweep, timer(BEFORE_NOON)).emitsNothing();
    given(network, ends(NOON)).when(sweep, timer(NOON)).emits(expired);
    given(network, ends(NOON), expired).when(sweep, timer(AFTER_NOON)).emitsNothing();
  });

  it('leaves alone whoever was disabled, deleted, or got another end', () => {
    const others: NetworkEvent[] = [{ type: 'PeerDisabled', peerId: ids.bob }, ends(null), ends(IN_AN_HOUR)];
    for (const other of [...others, { type: 'PeerDeleted', peerId: ids.bob } as const])
      given(network, ends(NOON), other).when(sweep, timer(AFTER_NOON)).emitsNothing();
  });

  it('keeps name and address for the peer, and its key', () => {
    const after = networkOf(network, ends(NOON), expired).peer(ids.bob);
    expect(after).toMatchObject({ ip: acme.at('bakers', 1), publicKey: keyOf('bob'), isDisabled: true });
  });

  it('is not waited for where an invitation is redeemed', () =>
    given(network, ends(NOON, ids.eve))
      .when(
        { type: 'RedeemInvitation', publicKey: keyOf('eve') },
        { actor: { kind: 'peer', peerId: ids.eve }, now: NOON },
      )
      .refuses({ code: 'PeerHasEnded', name: 'eve', ended: NOON }));
});

describe('whoever has ended', () => {
  const over = given(network, ends(NOON), expired);

  it('is enabled with another end alone', () => {
    over
      .when({ type: 'EnablePeer', peer: 'bob' })
      .refuses({ code: 'PeerHasEnded', name: 'bob', ended: NOON });
    over.when({ type: 'EnablePeer', peer: 'bob', expires: 3600 }).emits(ends(IN_AN_HOUR), enabled);
    over.when({ type: 'EnablePeer', peer: 'bob', expires: null }).emits(ends(null), enabled);
    over
      .when({ type: 'EnablePeer', peer: 'bob', expires: BEFORE_NOON })
      .refuses({ code: 'EndInPast', expires: BEFORE_NOON });
  });

  it('may have been disabled before: that its end passed meanwhile counts', () =>
    given(network, ends(NOON), { type: 'PeerDisabled', peerId: ids.bob })
      .when({ type: 'EnablePeer', peer: 'bob' }, { now: AFTER_NOON })
      .refuses({ code: 'PeerHasEnded', name: 'bob', ended: NOON }));
});

it('who ends within a week is known, the next one first, without those who are disabled', () => {
  const state = networkOf(
    network,
    ends(Timestamp.parse('2026-11-29T12:00:00.000Z')),
    ends(Timestamp.parse('2026-11-29T12:00:00.001Z'), ids.oven),
    ends(IN_AN_HOUR, ids.ryo),
    ends(IN_AN_HOUR, ids.eve),
    { type: 'PeerDisabled', peerId: ids.eve },
  );
  expect(endingSoon(state.peers(), NOON).map(({ name }) => name)).toEqual(['ryo', 'bob']);
});

it.each([1, 59, 60, 3661, 5400, 86_400, 90 * 86_400, 604_799])(
  '%i s are written as a duration is read',
  (seconds) => {
    expect(Duration.parse(durationText(seconds))).toBe(seconds);
  },
);
