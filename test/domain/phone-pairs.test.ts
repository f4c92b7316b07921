// What a router passes on for its phones: between which CIDRs, and what may be begun there.
import { expect, it } from 'vitest';
import { Network } from '../../src/domain/network.ts';
import { carriedBy } from '../../src/domain/phone-pairs.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { acme, associated, associationId, ids } from '../acme.ts';

const after = (...events: NetworkEvent[]): Network => {
  const network = new Network();
  const past = [...acme.network, ...events];
  network.advance(past, past.length);
  return network;
};

const carried = (...events: NetworkEvent[]) => carriedBy(after(...events), ids.server);
const bobIsAPhone: NetworkEvent = { type: 'PlainPeerDeclared', peerId: ids.bob, via: ids.server };
const own = { from: ids.bakers, to: ids.bakers, allow: 'all' };

it('without a phone nothing', () => expect(carried()).toEqual({ phones: [], pairs: [] }));

it('within its own CIDR, and to associated ones both ways', () => {
  expect(carried(bobIsAPhone)).toEqual({ phones: [acme.at('bakers', 1)], pairs: [own] });
  expect(carried(bobIsAPhone, associated(ids.bakers, ids.machines)).pairs).toEqual([
    own,
    { from: ids.bakers, to: ids.machines, allow: 'all' },
    { from: ids.machines, to: ids.bakers, allow: 'all' },
  ]);
});

it('what a limit leaves, each way by itself', () => {
  const allow = [{ from: ids.bakers, protocol: 'tcp', ports: [[631, 631]] }] as const;
  const limited = { type: 'AssociationLimited', associationId: associationId(1), allow: [...allow] };
  const { pairs } = carried(
    bobIsAPhone,
    associated(ids.bakers, ids.machines),
    limited as unknown as NetworkEvent,
  );
  expect(pairs).toEqual([
    own,
    { from: ids.bakers, to: ids.machines, allow: [{ protocol: 'tcp', ports: [[631, 631]] }] },
    { from: ids.machines, to: ids.bakers, allow: [] },
  ]);
});

it('not within an isolated CIDR, not for a disabled phone, not for that of another router', () => {
  expect(carried(bobIsAPhone, { type: 'CidrIsolated', cidrId: ids.bakers }).pairs).toEqual([]);
  expect(carried(bobIsAPhone, { type: 'PeerDisabled', peerId: ids.bob }).phones).toEqual([]);
  expect(carried({ type: 'PlainPeerDeclared', peerId: ids.bob, via: ids.ann }).phones).toEqual([]);
});
