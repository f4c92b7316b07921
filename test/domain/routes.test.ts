// Who may use a route, by which routers, and what a router carries for whom: by examples.
import { describe, expect, it } from 'vitest';
import type { Network } from '../../src/domain/network.ts';
import { carriedBy, isExit, routersOf, routesFor } from '../../src/domain/routes.ts';
import { viewOf } from '../../src/domain/views.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { RouteRow } from '../../src/protocol/rows.ts';
import type { PeerId, RouteId } from '../../src/values/id.ts';
import { acme, associated, associationId, cidr, ids } from '../acme.ts';
import { given, networkOf } from '../given.ts';

const routeId = 1 as RouteId;
const office: NetworkEvent = {
  type: 'RouteAdded',
  routeId,
  name: 'office',
  blocks: [cidr('192.168.50.0/24')],
};
const byOven: NetworkEvent = { type: 'RouterAdded', routeId, peerId: ids.oven, rank: 1 };
const opened: NetworkEvent = { type: 'RouteOpened', routeId, cidrId: ids.humans };
const joined = associated(ids.humans, ids.machines);
const carried = [acme.network, office, byOven] as const;

const shownTo = (network: Network, id: PeerId) => {
  const peer = network.peer(id);
  return peer ? routesFor(network, viewOf(network, peer, 'limits')) : [];
};

const carriers = (network: Network) => {
  const route = network.route(routeId);
  return route ? routersOf(network, route).map(({ peerId, rank }) => [peerId, rank]) : [];
};

describe('a route', () => {
  it('is closed at birth', () => {
    const network = networkOf(...carried, joined);
    expect(shownTo(network, ids.ann)).toEqual([]);
    expect(carriedBy(network, ids.oven)).toMatchObject([{ id: routeId, from: [] }]);
  });

  it('is shown to those of the CIDR and in it, with the routers that they see', () => {
    const network = networkOf(...carried, opened, joined);
    const row = { id: 1, name: 'office', blocks: ['192.168.50.0/24'], routers: [{ id: ids.oven, rank: 1 }] };
    expect(shownTo(network, ids.ann)).toEqual([row]);
    expect(RouteRow.parse(row)).toEqual(row);
    expect(shownTo(network, ids.bob)).toEqual([row]);
    expect(shownTo(network, ids.oven)).toEqual([]);
    expect(carriedBy(network, ids.oven)).toEqual([
      {
        id: 1,
        name: 'office',
        blocks: ['192.168.50.0/24'],
        from: [acme.block('engineers'), acme.block('bakers')],
        keepSource: false,
      },
    ]);
  });

  it('is shown without routers where none is seen, and not carried for those', () => {
    const network = networkOf(...carried, opened);
    expect(shownTo(network, ids.ann)).toMatchObject([{ name: 'office', routers: [] }]);
    expect(carriedBy(network, ids.oven)).toMatchObject([{ from: [] }]);
  });

  it('is not carried by a router that is disabled or deleted', () => {
    for (const type of ['PeerDisabled', 'PeerDeleted'] as const) {
      const network = networkOf(...carried, opened, joined, { type, peerId: ids.oven });
      expect(shownTo(network, ids.ann)).toMatchObject([{ routers: [] }]);
      expect(carriedBy(network, ids.oven)).toEqual([]);
    }
  });

  it('is carried by each joined peer of a CIDR, and one named twice counts by its least rank', () => {
    const byHumans: NetworkEvent = { type: 'RouterAdded', routeId, cidrId: ids.humans, rank: 2 };
    const byBob: NetworkEvent = { type: 'RouterAdded', routeId, peerId: ids.bob, rank: 5 };
    const network = networkOf(...carried, byHumans, byBob);
    expect(carriers(network)).toEqual([
      [ids.oven, 1],
      [ids.ann, 2],
      [ids.ryo, 2],
      [ids.bob, 2],
    ]);
    network.evolve({ type: 'RouterRanked', routeId, peerId: ids.bob, rank: 0 });
    expect(carriers(network)[0]).toEqual([ids.bob, 0]);
    network.evolve({ type: 'RouterRemoved', routeId, cidrId: ids.humans });
    expect(carriers(network)).toEqual([
      [ids.bob, 0],
      [ids.oven, 1],
    ]);
    expect(carriedBy(network, ids.ann)).toEqual([]);
  });

  it('over a limited association is for those alone who keep to limits, as is the router', () => {
    const limited: NetworkEvent = { type: 'AssociationLimited', associationId: associationId(1), allow: [] };
    const keeps = (peerId: PeerId): NetworkEvent => ({ type: 'PeerEnforces', peerId, limits: true });
    const network = networkOf(...carried, opened, joined, limited);
    expect(shownTo(network, ids.ann)).toMatchObject([{ routers: [] }]);
    expect(carriedBy(network, ids.oven)).toMatchObject([{ from: [] }]);
    network.evolve(keeps(ids.oven));
    network.evolve(keeps(ids.ann));
    expect(shownTo(network, ids.ann)).toMatchObject([{ routers: [{ id: ids.oven }] }]);
    expect(shownTo(network, ids.bob)).toMatchObject([{ routers: [] }]);
    expect(carriedBy(network, ids.oven)).toMatchObject([{ from: [{}, {}] }]);
  });

  it('is closed, renamed and deleted, and its id is not used again', () => {
    const network = networkOf(...carried, opened, joined);
    network.evolve({ type: 'RouteRenamed', routeId, name: 'bureau' });
    expect(network.routeNamed('bureau')?.id).toBe(routeId);
    expect(network.routeNamed('office')).toBeUndefined();
    network.evolve({ type: 'RouteClosed', routeId, cidrId: ids.humans });
    expect(shownTo(network, ids.ann)).toEqual([]);
    network.evolve({ type: 'RouteDeleted', routeId });
    expect([...network.routes()]).toEqual([]);
    expect(network.nextIds.route).toBe(2);
    expect(network.clone().nextIds.route).toBe(2);
  });
});

it('a router that is deleted leaves its routes by events of their own', () =>
  given(...carried)
    .when({ type: 'DeletePeer', peer: 'oven' })
    .emits({ type: 'RouterRemoved', routeId, peerId: ids.oven }, { type: 'PeerDeleted', peerId: ids.oven }));

it('a phone carries nothing', () => {
  const phone: NetworkEvent = { type: 'PlainPeerDeclared', peerId: ids.oven, via: ids.server };
  const network = networkOf(...carried, opened, joined, phone);
  expect(carriers(network)).toEqual([]);
  expect(carriedBy(network, ids.oven)).toEqual([]);
});

it('an exit is a route of default blocks', () => {
  expect(isExit({ blocks: [cidr('0.0.0.0/0'), cidr('::/0')] })).toBe(true);
  expect(isExit({ blocks: [cidr('10.0.0.0/8')] })).toBe(false);
});

it('a draft of a network leaves the routes below as they were', () => {
  const network = networkOf(...carried, opened);
  const before = JSON.stringify(network);
  const draft = network.draft();
  draft.evolve({ type: 'RouteRenamed', routeId, name: 'bureau' });
  draft.evolve({ type: 'RouterRemoved', routeId, peerId: ids.oven });
  expect(JSON.stringify(network)).toBe(before);
  expect(network.routeNamed('office')?.routers).toHaveLength(1);
  expect(draft.routeNamed('bureau')?.routers).toEqual([]);
});
