// Why two peers can talk or cannot: what is said, by which events, and what would help.
import { describe, expect, it } from 'vitest';
import type { Placed } from '../../src/domain/pair-story.ts';
import { type Why, whyOf } from '../../src/domain/why.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, associated, associationId, endpoint, ids, keyOf, peerId } from '../acme.ts';
import { AFTER_NOON, BEFORE_NOON, type History } from '../given.ts';

const { network } = acme;
const joined = associated(ids.humans, ids.machines);
const ended: NetworkEvent = { type: 'AssociationDeleted', associationId: associationId(1) };

const placed = (history: History): Placed[] =>
  history.flat().map((event, index) => ({ position: index + 1, event }));
/** Where the n-th event after acme's own stands. */
const nth = (n: number): number => network.flat().length + n;
const at = (event: NetworkEvent): number => network.flat().indexOf(event) + 1;

const why = (one: PeerId, other: PeerId, history: History, now: Timestamp = AFTER_NOON): Why =>
  whyOf([one, other], placed(history), now)!;

describe('they can talk', () => {
  it('in one CIDR, since the later of them joined', () => {
    const { visible, sight, reasons, turnedAt } = why(ids.ann, ids.ryo, network);
    expect([visible, sight]).toEqual([true, [true, true]]);
    expect(reasons).toMatchObject([
      {
        code: 'SameCidr',
        sentence: 'ann and ryo are both in engineers (10.42.128.0/24)',
        positions: [at(acme.ann[0]!), at(acme.ryo[0]!)],
      },
    ]);
    expect(turnedAt).toBe(at(acme.ryo[1]!));
  });

  it('by an association of CIDRs around theirs', () => {
    const { visible, reasons, turnedAt } = why(ids.ann, ids.oven, [...network, joined]);
    expect(visible).toBe(true);
    expect(reasons).toMatchObject([
      {
        code: 'Association',
        sentence:
          'humans and machines are associated: ann is in engineers (10.42.128.0/24), inside humans (10.42.128.0/17); oven is in machines (10.42.1.0/24)',
        positions: [nth(1)],
      },
    ]);
    expect(reasons[0]?.chains?.map((chain) => chain.map(({ name }) => name))).toEqual([
      ['engineers', 'humans'],
      ['machines'],
    ]);
    expect(turnedAt).toBe(nth(1));
  });

  it('with the server, whoever they are', () =>
    expect(why(ids.oven, ids.server, network)).toMatchObject({
      visible: true,
      reasons: [{ code: 'Server' }],
    }));

  it('again, once a disabled one is enabled', () => {
    const again = why(ids.ann, ids.ryo, [
      ...network,
      { type: 'PeerDisabled', peerId: ids.ryo },
      { type: 'PeerEnabled', peerId: ids.ryo },
    ]);
    expect([again.visible, again.turnedAt]).toEqual([true, nth(2)]);
  });
});

describe('where all that joins them is limited', () => {
  const allow = [{ from: ids.humans, protocol: 'tcp' as const, ports: [[631, 631] as [number, number]] }];
  const limited: NetworkEvent = { type: 'AssociationLimited', associationId: joined.associationId, allow };
  const keeps = (peerId: PeerId): NetworkEvent => ({ type: 'PeerEnforces', peerId, limits: true });

  it('they see each other when both keep to it, and each may begin its part', () => {
    const found = why(ids.ann, ids.oven, [...network, joined, limited, keeps(ids.ann), keeps(ids.oven)]);
    expect(found).toMatchObject({
      visible: true,
      openings: [[{ protocol: 'tcp', ports: [[631, 631]] }], []],
      reasons: [{ code: 'Association' }, { code: 'Limited' }],
    });
    expect(found.reasons[1]?.sentence).toContain(
      'ann may open tcp 631 at oven, oven may open nothing at ann',
    );
  });

  it('one that cannot keep to it is named', () => {
    const found = why(ids.ann, ids.oven, [...network, joined, limited, keeps(ids.ann)]);
    expect(found).toMatchObject({
      visible: false,
      reasons: [{ code: 'CannotEnforce', verbs: ['unlimit-association humans machines'] }],
    });
    expect(found.reasons[0]?.sentence).toContain("oven's program cannot limit ports");
  });

  it('peers of an isolated CIDR are told so', () =>
    expect(
      why(ids.ann, ids.ryo, [...network, { type: 'CidrIsolated', cidrId: ids.engineers }]),
    ).toMatchObject({
      visible: false,
      reasons: [{ code: 'Isolated', verbs: ['unisolate-cidr engineers'] }],
    }));
});

describe('they cannot talk', () => {
  it('no association joins them: the nearest that would are named', () => {
    const { visible, reasons, turnedAt } = why(ids.ann, ids.oven, network);
    expect([visible, turnedAt]).toEqual([false, undefined]);
    expect(reasons).toMatchObject([
      {
        code: 'NoAssociation',
        positions: [],
        verbs: ['add-association engineers machines', 'add-association humans machines'],
      },
    ]);
  });

  it('one did, and ended', () => {
    const { reasons, turnedAt } = why(ids.ann, ids.oven, [...network, joined, ended]);
    expect(reasons).toMatchObject([{ code: 'NoAssociation', positions: [nth(2)] }]);
    expect(turnedAt).toBe(nth(2));
  });

  it('the time of one of them is over, which counts after it was disabled and enabled', () => {
    const { reasons } = why(ids.ann, ids.ryo, [
      ...network,
      { type: 'PeerDisabled', peerId: ids.ann },
      { type: 'PeerEnabled', peerId: ids.ann },
      { type: 'PeerExpirySet', peerId: ids.ann, expires: BEFORE_NOON },
      { type: 'PeerExpired', peerId: ids.ann },
    ]);
    expect(reasons).toEqual([
      {
        code: 'Disabled',
        sentence: `the time of ann ended at ${BEFORE_NOON}`,
        positions: [nth(4)],
        verbs: ['enable-peer --name ann --expires 90d'],
      },
    ]);
  });

  it('one of them is disabled', () => {
    const { reasons, turnedAt } = why(ids.ann, ids.ryo, [
      ...network,
      { type: 'PeerDisabled', peerId: ids.ann },
    ]);
    expect(reasons).toEqual([
      {
        code: 'Disabled',
        sentence: 'ann is disabled',
        positions: [nth(1)],
        verbs: ['enable-peer --name ann'],
      },
    ]);
    expect(turnedAt).toBe(nth(1));
  });

  it('one of them has not joined, or did not in time', () => {
    const about = (now: string) => why(ids.bob, ids.eve, network, now as Timestamp).reasons;
    expect(about('2026-11-22T12:30:00.000Z')).toMatchObject([
      { code: 'NotJoined', sentence: 'eve is invited and has not joined yet', positions: [at(acme.eve)] },
    ]);
    expect(about('2026-11-22T13:30:00.000Z')).toMatchObject([
      { code: 'InvitationOver', verbs: ['reissue-invitation --name eve'] },
    ]);
  });

  it('one of them is gone, and what it was is still known', () => {
    const { peers, reasons, turnedAt } = why(ids.ann, ids.ryo, [
      ...network,
      { type: 'PeerRenamed', peerId: ids.ryo, name: 'rio' },
      { type: 'PeerDeleted', peerId: ids.ryo },
    ]);
    expect(peers[1].name).toBe('rio');
    expect(reasons).toMatchObject([{ code: 'Gone', sentence: 'rio was deleted', positions: [nth(2)] }]);
    expect(turnedAt).toBe(nth(2));
  });

  it('only one sees the other, as an import may have it', () => {
    const phone: NetworkEvent = {
      type: 'PeerAdded',
      peerId: peerId(9),
      name: 'boss',
      ip: acme.at('engineers', 200),
      cidrId: ids.humans,
      publicKey: keyOf('boss'),
      isAdmin: false,
      inviteExpires: null,
      redeemed: true,
      endpoint: endpoint('192.0.2.1:1'),
    };
    const { visible, sight, reasons } = why(peerId(9), ids.ann, [...network, phone]);
    expect([visible, sight]).toEqual([false, [true, false]]);
    expect(reasons.map(({ code }) => code)).toEqual(['NoAssociation', 'OneWay']);
    expect(reasons[1]?.sentence).toBe(
      'boss sees ann, but not the other way round: boss is in a CIDR around that of ann',
    );
  });

  it('every obstacle is named, not only the first', () => {
    const { reasons } = why(ids.eve, ids.oven, [...network, { type: 'PeerDisabled', peerId: ids.oven }]);
    expect(reasons.map(({ code }) => code)).toEqual(['NotJoined', 'Disabled', 'NoAssociation']);
  });
});

describe('a phone', () => {
  const phone: History = [
    ...network,
    joined,
    { type: 'PlainPeerDeclared', peerId: ids.oven, via: ids.server },
  ];

  it('is reached by a program that knows of routers, and its router is named', () => {
    const { visible, reasons } = why(ids.ann, ids.oven, [
      ...phone,
      { type: 'PeerEnforces', peerId: ids.ann, limits: false },
    ]);
    expect(visible).toBe(true);
    expect(reasons.at(-1)).toMatchObject({
      code: 'Routed',
      sentence: 'innernet-server passes the packets of oven, and can read them',
    });
  });

  it('is not reached by an older program', () => {
    const { visible, reasons } = why(ids.ann, ids.oven, phone);
    expect(visible).toBe(false);
    expect(reasons.map(({ code }) => code)).toEqual(['CannotReachPhones']);
  });
});

it('of a peer that never was nothing can be said', () =>
  expect(whyOf([ids.ann, peerId(99)], placed(network), AFTER_NOON)).toBeUndefined());
