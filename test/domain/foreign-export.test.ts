// The way back to innernet 2.0's server: what its database can hold is there, what it cannot is named.
import { describe, expect, it } from 'vitest';
import { type DeletedPeer, explainLoss, exportNetwork, type Loss } from '../../src/domain/foreign-export.ts';
import { importNetwork } from '../../src/domain/foreign-network.ts';
import { readForeignRows } from '../../src/domain/foreign-rows.ts';
import { Network } from '../../src/domain/network.ts';
import type { Peer } from '../../src/domain/peer.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import { isHostname } from '../../src/values/name.ts';
import {
  type Acme,
  acme,
  acme6,
  associated,
  associationId,
  cidr,
  ids,
  keyOf,
  peerId,
  routeId,
} from '../acme.ts';
import { networkOf } from '../given.ts';

const exported = (
  events: readonly NetworkEvent[],
  candidates: [PeerId, SocketAddress[]][] = [],
): { network: Network; back: Network; losses: Loss[]; reported: unknown } => {
  const network = networkOf(events);
  const deleted: DeletedPeer[] = [];
  const sofar = new Network();
  for (const event of events) {
    const gone = event.type === 'PeerDeleted' ? sofar.peer(event.peerId) : undefined;
    if (gone) deleted.push(gone);
    sofar.evolve(event);
  }
  const { tables, losses } = exportNetwork(network, deleted, new Map(candidates));
  const reading = readForeignRows(tables);
  if (!reading.readable) throw new Error(JSON.stringify(reading.trouble));
  const result = importNetwork({
    name: 'acme',
    source: { program: 'innernet-server', version: 2 },
    ...reading.network,
  });
  if (!result.possible) throw new Error(JSON.stringify(result.trouble));
  const back = new Network();
  back.advance(result.events, result.events.length);
  return { network, back, losses, reported: reading.candidates };
};

const living = (network: Network): Peer[] => [...network.peers()].filter(({ isDisabled }) => !isDisabled);

const gone = (id: PeerId): NetworkEvent => ({ type: 'PeerDeleted', peerId: id });

describe.each([
  ['IPv4', acme],
  ['IPv6', acme6],
])('a network, %s', (_, { network, ...rest }: Acme) => {
  it('comes back as it was', () => {
    const events: NetworkEvent[] = [...network, associated(ids.engineers, ids.machines)];
    const { network: there, back, losses } = exported(events);
    expect(living(back)).toEqual(living(there));
    expect(new Set(back.cidrs())).toEqual(new Set(there.cidrs()));
    expect([...back.associations()]).toEqual([...there.associations()]);
    expect(losses.map(({ what }) => what)).toEqual(['History', 'Identity', 'Ids', 'RetiredKeys']);
  });

  it('names the relay, for which there is no place', () => {
    const { losses } = exported([...network, { type: 'RelaySet', peerId: ids.server, port: 51821 }]);
    expect(losses).toContainEqual({ what: 'Relay', name: 'innernet-server', port: 51821 });
  });

  it('leaves a limited association out, and says of an isolated CIDR that it is none there', () => {
    const limited: NetworkEvent = { type: 'AssociationLimited', associationId: associationId(1), allow: [] };
    const isolated: NetworkEvent = { type: 'CidrIsolated', cidrId: ids.bakers };
    const { back, losses } = exported([
      ...network,
      associated(ids.engineers, ids.machines),
      limited,
      isolated,
    ]);
    expect([...back.associations()]).toEqual([]);
    expect(losses).toContainEqual({ what: 'Limit', names: ['engineers', 'machines'] });
    expect(losses).toContainEqual({ what: 'Isolation', name: 'bakers' });
  });

  it('names each route, for which there is no place', () => {
    const blocks = [cidr('192.168.50.0/24')];
    const { losses } = exported([
      ...network,
      { type: 'RouteAdded', routeId: routeId(1), name: 'office', blocks },
    ]);
    expect(losses).toContainEqual({ what: 'Route', name: 'office' });
  });

  it('keeps the address and the key of a deleted peer with a disabled one', () => {
    const { back, losses } = exported([...network, gone(ids.bob)]);
    const bob = [...back.peers()].find(({ ip }) => ip === rest.at('bakers', 1));
    expect(bob).toMatchObject({
      ...{ name: 'bob', publicKey: keyOf('bob'), isDisabled: true, isRedeemed: true, isAdmin: false },
    });
    expect(losses).toContainEqual(expect.objectContaining({ what: 'DeletedPeer', keptAs: 'bob' }));
  });

  it('gives a deleted peer another name where somebody has taken its own', () => {
    const { back } = exported([
      ...network,
      gone(ids.bob),
      { type: 'PeerRenamed', peerId: ids.eve, name: 'bob' },
    ]);
    expect(back.peerNamed('bob')?.id).toBe(ids.eve);
    expect(back.peerNamed(`bob-deleted-${ids.bob}`)?.isDisabled).toBe(true);
  });

  it('holds the address of a deleted peer whose CIDR is gone in one of its own, so that its parent stays free', () => {
    const { back, losses } = exported([
      ...network,
      gone(ids.oven),
      { type: 'CidrDeleted', cidrId: ids.machines },
    ]);
    const home = back.cidrNamed(`retired-${ids.oven}`);
    expect(home).toMatchObject({ id: 7, parentId: ids.root });
    expect(back.peerAt(rest.at('machines', 1))).toMatchObject({ cidrId: home?.id, isDisabled: true });
    expect(back.holdsPeers(ids.root)).toBe(false);
    expect(losses).toContainEqual(expect.objectContaining({ what: 'BlockForDeleted' }));
  });
});

describe('what innernet cannot hold', () => {
  it('is a name that it would refuse', () => {
    const { back, losses } = exported([
      ...acme.network,
      { type: 'PeerRenamed', peerId: ids.ryo, name: 'Ryo!' },
    ]);
    expect(back.peer(ids.ryo)?.name).toBe(`peer-${ids.ryo}`);
    expect(losses).toContainEqual({ what: 'Name', name: 'Ryo!', keptAs: `peer-${ids.ryo}` });
    for (const peer of back.peers()) expect(isHostname(peer.name)).toBe(true);
  });

  it('is the same association twice', () => {
    const pair = [ids.engineers, ids.machines] as const;
    const { back, losses } = exported([...acme.network, associated(...pair, 1), associated(...pair, 2)]);
    expect([...back.associations()]).toHaveLength(1);
    expect(losses).toContainEqual({ what: 'Association', names: ['engineers', 'machines'] });
  });

  it('is told in words', () => {
    const { losses } = exported([
      ...acme.network,
      gone(ids.oven),
      { type: 'CidrDeleted', cidrId: ids.machines },
      { type: 'PeerRenamed', peerId: ids.ryo, name: 'Ryo!' },
      { type: 'ProofRequired' },
    ]);
    expect(losses.map(explainLoss).join('\n')).toMatchInlineSnapshot(`
      "the history: 21 events, who did what and when
      the identity of the log: machines with this program take innernet 2.0's server for one without a live stream
      the promise that ids are never used again: innernet gives the highest one anew when it is free
      the memory of 4 keys that were in use once: innernet would take them again
      that requests need a proof by key: any program on a peer's machine speaks for that peer again
      the name of peer "Ryo!", which innernet would refuse: it is "peer-3"
      a retired address outside every leaf CIDR: there is a new CIDR "retired-5" (10.42.1.1/32) that holds it
      that peer "oven" (10.42.1.1) was deleted: it is the disabled peer "oven", so that its address stays retired"
    `);
  });
});

describe('beside the network', () => {
  it('go the candidates that peers have reported', () => {
    const candidates = ['192.168.1.7:4000' as SocketAddress];
    const { reported } = exported(acme.network, [[peerId(3), candidates]]);
    expect(reported).toEqual([{ id: 3, reported: candidates }]);
  });
});
