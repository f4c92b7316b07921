// What a commit means to whom, by examples; any sequence of commands is tried in changes.property.test.ts.
import { describe, expect, it } from 'vitest';
import { advanceWithChanges, classDeltas } from '../../src/domain/changes.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { CidrId } from '../../src/values/id.ts';
import { acme, acme6, associated, associationId, ids, keyOf, peerId } from '../acme.ts';
import { type History, networkOf } from '../given.ts';

/** For each CIDR by name who is changed and who is removed there, by the names that they have (or had). */
const told = (history: History, ...events: NetworkEvent[]) => {
  const before = networkOf(...history);
  const network = before.clone();
  const changes = advanceWithChanges(network, events, network.position + events.length);
  const deltas: { [cidr: string]: { changed: string[]; removed: string[] } } = {};
  for (const { viewers, changed, removed } of classDeltas(network, changes))
    for (const viewer of viewers)
      deltas[before.cidr(Number(viewer) as CidrId)?.name ?? `CIDR ${viewer}`] = {
        changed: changed.map(({ name }) => name),
        removed: removed.map((id) => before.peer(id)?.name ?? `peer ${id}`),
      };
  return deltas;
};

const changed = (...names: string[]) => ({ changed: names, removed: [] });
const removed = (...names: string[]) => ({ changed: [], removed: names });

describe.each([acme, acme6])('IPv$family', ({ network, ranges, ann, ryo, bob, oven, eve }) => {
  it('a rename is told where the peer is seen', () =>
    expect(told([network], { type: 'PeerRenamed', peerId: ids.ryo, name: 'rio' })).toEqual({
      engineers: changed('rio'),
      humans: changed('rio'),
      acme: changed('rio'),
    }));

  it('the server’s endpoint is told to everybody, in one delta', () => {
    const state = networkOf(network);
    const event = { type: 'ServerEndpointChanged', endpoint: 'new.example.org:51820' } as NetworkEvent;
    const deltas = classDeltas(state, advanceWithChanges(state, [event], 99));
    expect(deltas).toHaveLength(1);
    expect(deltas[0]?.viewers.sort()).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(state.position).toBe(99);
  });

  it('an invitation is told to nobody, whatever becomes of it, until it is redeemed', () => {
    expect(told([ranges], eve)).toEqual({});
    expect(told([network], { type: 'PeerRenamed', peerId: ids.eve, name: 'eva' })).toEqual({});
    expect(told([network], { type: 'PeerDisabled', peerId: ids.eve })).toEqual({});
    expect(told([network], { type: 'InvitationRevoked', peerId: ids.eve })).toEqual({});
    expect(told([network], { type: 'InvitationExpired', peerId: ids.eve })).toEqual({});
    const redeemed = { type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') } as const;
    expect(told([network], redeemed)).toMatchObject({ bakers: changed('eve') });
    expect(told([network, { type: 'PeerDisabled', peerId: ids.eve }], redeemed)).toEqual({});
  });

  it('who is disabled or deleted is removed, who is enabled is back', () => {
    const disabled = { type: 'PeerDisabled', peerId: ids.bob } as const;
    expect(told([network], disabled)).toMatchObject({ bakers: removed('bob') });
    expect(told([network, disabled], { type: 'PeerDeleted', peerId: ids.bob })).toEqual({});
    expect(told([network, disabled], { type: 'PeerEnabled', peerId: ids.bob })).toMatchObject({
      bakers: changed('bob'),
    });
    expect(told([network], { type: 'PeerDeleted', peerId: ids.bob })).toMatchObject({
      bakers: removed('bob'),
    });
  });

  it('there and back in one commit is nothing', () =>
    expect(
      told([network], { type: 'PeerDisabled', peerId: ids.bob }, { type: 'PeerEnabled', peerId: ids.bob }),
    ).toEqual({}));

  it('an association is told to both sides, to each the other', () =>
    expect(told([network], associated(ids.bakers, ids.machines))).toEqual({
      bakers: changed('oven'),
      machines: changed('bob'),
    }));

  it('an association with a CIDR that holds CIDRs is told below it', () =>
    expect(told([network], associated(ids.humans, ids.machines))).toEqual({
      humans: changed('oven'),
      engineers: changed('oven'),
      bakers: changed('oven'),
      machines: { changed: expect.arrayContaining(['ann', 'ryo', 'bob']), removed: [] },
    }));

  it('an association that ends removes, unless another one is left', () => {
    const end = { type: 'AssociationDeleted', associationId: associationId(1) } as const;
    expect(told([network, associated(ids.bakers, ids.machines)], end)).toEqual({
      bakers: removed('oven'),
      machines: removed('bob'),
    });
    expect(
      told([network, associated(ids.bakers, ids.machines), associated(ids.humans, ids.machines, 2)], end),
    ).toEqual({});
  });

  it('a peer that is renamed and comes into sight in one commit is told once', () =>
    expect(
      told([network], associated(ids.bakers, ids.machines), {
        type: 'PeerRenamed',
        peerId: ids.bob,
        name: 'rob',
      }),
    ).toMatchObject({
      machines: changed('rob'),
      bakers: { changed: expect.arrayContaining(['oven', 'rob']) },
    }));

  it('a new CIDR, a new name and a lost one concern everybody as rows, and nobody’s peers', () => {
    const state = networkOf(network);
    const changes = advanceWithChanges(
      state,
      [{ type: 'CidrRenamed', cidrId: ids.humans, name: 'people' }],
      99,
    );
    expect([...changes.cidrs.values()].map(({ before, after }) => [before?.name, after?.name])).toEqual([
      ['humans', 'people'],
    ]);
    expect(classDeltas(state, changes)).toEqual([]);
    expect(told([ranges], { type: 'CidrDeleted', cidrId: ids.machines })).toEqual({});
  });

  describe('peers that go in one commit with their CIDR', () => {
    const gone: NetworkEvent[] = [
      { type: 'PeerDeleted', peerId: ids.bob },
      { type: 'CidrDeleted', cidrId: ids.bakers },
    ];

    it('are removed where they were seen, also from above', () =>
      expect(told([ranges, ann, ryo, bob, oven], ...gone)).toEqual({
        humans: removed('bob'),
        acme: removed('bob'),
      }));

    it('also where they were seen by an association of a CIDR above', () =>
      expect(told([ranges, bob, oven, associated(ids.humans, ids.machines)], ...gone)).toEqual({
        humans: removed('bob'),
        acme: removed('bob'),
        machines: removed('bob'),
      }));

    it('also where they were seen by an association that goes too', () =>
      expect(
        told(
          [ranges, bob, oven, associated(ids.bakers, ids.machines)],
          gone[0]!,
          { type: 'AssociationDeleted', associationId: associationId(1) },
          gone[1]!,
        ),
      ).toEqual({ humans: removed('bob'), acme: removed('bob'), machines: removed('bob') }));
  });

  it('an invitation that is over and the peer that takes its place are two', () =>
    expect(
      told(
        [network, { type: 'InvitationRedeemed', peerId: ids.eve, publicKey: keyOf('eve') }],
        { type: 'PeerDeleted', peerId: ids.eve },
        { ...eve, peerId: peerId(7), publicKey: keyOf('new'), redeemed: true },
      ),
    ).toMatchObject({ bakers: { changed: ['eve'], removed: ['eve'] } }));
});
