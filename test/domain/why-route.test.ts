// Why a peer can or cannot use a route: each reason with the verb that mends it, and over random networks the same answer as the rows.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../../src/domain/decide.ts';
import { Network } from '../../src/domain/network.ts';
import { carriedBy, isOpenTo, mayCarry, routesFor } from '../../src/domain/routes.ts';
import { viewOf } from '../../src/domain/views.ts';
import { appears } from '../../src/domain/visibility.ts';
import { whyRouteOf } from '../../src/domain/why-route.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { type PeerId, SERVER_PEER } from '../../src/values/id.ts';
import { containsIp } from '../../src/values/ip.ts';
import { acme, associated, cidr, ids, routeId } from '../acme.ts';
import { starts } from '../commands/starts.ts';
import { Questions, throws } from '../commands.ts';
import { type History, networkOf } from '../given.ts';

const id = routeId(1);
const office: NetworkEvent = {
  type: 'RouteAdded',
  routeId: id,
  name: 'office',
  blocks: [cidr('192.168.50.0/24')],
};
const byOven: NetworkEvent = { type: 'RouterAdded', routeId: id, peerId: ids.oven, rank: 0 };
const opened: NetworkEvent = { type: 'RouteOpened', routeId: id, cidrId: ids.humans };
const joined = associated(ids.humans, ids.machines);

const judged = (user: PeerId, ...more: History) => {
  const network = networkOf(acme.network, office, ...more);
  const [peer, route] = [network.peer(user), network.route(id)];
  assert.ok(peer && route);
  return whyRouteOf(network, peer, route);
};

describe('ann may use office', () => {
  it('where it is open to a CIDR around hers, and she sees who carries it', () => {
    const { isUsable, routers, reasons } = judged(ids.ann, byOven, opened, joined);
    expect(isUsable).toBe(true);
    expect(routers).toMatchObject([{ peerId: ids.oven, name: 'oven', isSeen: true }]);
    expect(reasons).toMatchObject([
      { code: 'RouteOpen', marks: [{ type: 'RouteOpened', cidrId: ids.humans }] },
      { code: 'RouterSeen', sentence: 'oven carries office, and ann sees it' },
    ]);
  });
});

describe('ann cannot use office', () => {
  const refuses = (name: string, history: History, code: string, verb: string | undefined, user = ids.ann) =>
    it(name, () => {
      const { isUsable, reasons } = judged(user, ...history);
      expect(isUsable).toBe(false);
      expect(reasons[0]).toMatchObject({
        code,
        verbs: verb === undefined ? [] : expect.arrayContaining([verb]),
      });
      expect(reasons[0]?.sentence).toMatch(/^[^A-Z\s].*[^.]$/);
    });

  refuses('where it is closed', [byOven, joined], 'RouteClosed', 'open-route office engineers');
  refuses('where nobody carries it', [opened, joined], 'NoRouter', 'add-router office');
  refuses(
    'where its router is disabled',
    [byOven, opened, joined, { type: 'PeerDisabled', peerId: ids.oven }],
    'NoRouter',
    'enable-peer --name oven',
  );
  refuses(
    'where she does not see its router',
    [byOven, opened],
    'RouterUnseen',
    'add-association engineers machines',
  );
  refuses(
    'while she is disabled',
    [byOven, opened, joined, { type: 'PeerDisabled', peerId: ids.ann }],
    'PeerAway',
    'enable-peer --name ann',
  );
  refuses('before she has joined', [byOven, opened, joined], 'PeerAway', undefined, ids.eve);
  refuses(
    'as a phone',
    [byOven, opened, joined, { type: 'PlainPeerDeclared', peerId: ids.ann, via: ids.server }],
    'UsesNoRoutes',
    undefined,
  );

  it('and each missing link is said', () => {
    expect(judged(ids.ann).reasons.map(({ code }) => code)).toEqual(['RouteClosed', 'NoRouter']);
  });
});

/** Rows, what routers carry, and why agree, for each peer and route. */
const expectAgreed = (network: Network, tally: { yes: number; no: number }): void => {
  for (const peer of network.peers()) {
    if (!appears(peer) || peer.via !== undefined || peer.id === SERVER_PEER) continue;
    const rows = new Map(routesFor(network, viewOf(network, peer, 'limits')).map((row) => [row.id, row]));
    for (const route of network.routes()) {
      const { isUsable, routers } = whyRouteOf(network, peer, route);
      const row = rows.get(route.id);
      assert.equal(row !== undefined, isOpenTo(network, route, peer.cidrId));
      assert.equal(isUsable, (row?.routers.length ?? 0) > 0, `${peer.name} and ${route.name}`);
      tally[isUsable ? 'yes' : 'no'] += 1;
      const seen = routers.filter(({ isSeen }) => isSeen).map(({ peerId }) => peerId);
      if (row) assert.deepEqual(new Set(row.routers.map((router) => router.id)), new Set(seen));
      for (const { id: router } of row?.routers ?? []) {
        if (router === peer.id) continue; // its own packets need no way in
        const carried = carriedBy(network, router).find((each) => each.id === route.id);
        assert.ok(
          carried?.from.some((block) => containsIp(block, peer.ip)),
          `${peer.name} by ${router}`,
        );
      }
    }
  }
  for (const router of network.peers())
    for (const { id: carriedId, from } of carriedBy(network, router.id)) {
      assert.ok(mayCarry(router));
      const users = [...network.cidrs()].filter((node) => from.includes(node.cidr));
      for (const { id: cidrId } of users) {
        const route = network.route(carriedId);
        assert.ok(route && isOpenTo(network, route, cidrId));
        const rows = routesFor(network, { cidrId, word: 'limits' });
        if (network.cidr(cidrId)?.isIsolated && router.cidrId === cidrId) continue;
        assert.ok(rows.find((row) => row.id === carriedId)?.routers.some((each) => each.id === router.id));
      }
    }
};

it('rows, what routers carry, and why agree over any sequence of commands', { timeout: 120_000 }, () => {
  const tally = { yes: 0, no: 0 };
  const seed = Number(process.env.PROPERTY_SEED ?? Date.now() % 2 ** 31);
  fc.assert(
    fc.property(starts, fc.array(throws, { minLength: 20, maxLength: 50 }), (start, dice) => {
      const network = new Network();
      network.advance(start.events, start.events.length);
      const questions = new Questions(start.family);
      for (const thrown of dice) {
        const { command, context } = questions.next(network, thrown);
        const decision = decide(network, command, context);
        if (!decision.accepted) continue;
        network.advance(decision.events, network.position + decision.events.length);
        expectAgreed(network, tally);
      }
    }),
    { numRuns: Number(process.env.PROPERTY_RUNS ?? 40), seed },
  );
  expect(tally.yes).toBeGreaterThan(20);
  expect(tally.no).toBeGreaterThan(20);
});
