// Who may see whom: by examples, and over random trees against the plain definition.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CidrNode } from '../../src/domain/cidr-tree.ts';
import { lineage, subtree } from '../../src/domain/lineage.ts';
import type { Network } from '../../src/domain/network.ts';
import { viewOf, type Word } from '../../src/domain/views.ts';
import { appears, sightOf, viewersOf, visibleCidrs, visiblePeers } from '../../src/domain/visibility.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { CidrId, PeerId } from '../../src/values/id.ts';
import {
  acme,
  acme6,
  associated,
  associationId,
  cidr,
  cidrId,
  endpoint,
  ids,
  ip,
  keyOf,
  peerId,
} from '../acme.ts';
import { networkOf } from '../given.ts';
import { oldView } from '../invariants.ts';

const names = (network: Network, viewer: CidrId): string[] =>
  [...visiblePeers(network, oldView(viewer))].map(({ name }) => name).sort();

describe.each([acme, acme6])('IPv$family', ({ network: all }) => {
  it('peers see those of their CIDR and the server, not who has not joined', () => {
    const network = networkOf(all);
    expect(names(network, ids.engineers)).toEqual(['ann', 'innernet-server', 'ryo']);
    expect(names(network, ids.bakers)).toEqual(['bob', 'innernet-server']);
    expect(names(network, ids.machines)).toEqual(['innernet-server', 'oven']);
  });

  it('the server sees itself', () =>
    expect(names(networkOf(all), ids.serverCidr)).toEqual(['innernet-server']));

  it('disabled peers are seen by nobody', () =>
    expect(names(networkOf(all, { type: 'PeerDisabled', peerId: ids.ryo }), ids.engineers)).toEqual([
      'ann',
      'innernet-server',
    ]));

  it('associated CIDRs see each other', () => {
    const network = networkOf(all, associated(ids.bakers, ids.machines));
    expect(names(network, ids.bakers)).toEqual(['bob', 'innernet-server', 'oven']);
    expect(names(network, ids.machines)).toEqual(['bob', 'innernet-server', 'oven']);
    expect(names(network, ids.engineers)).toEqual(['ann', 'innernet-server', 'ryo']);
  });

  it('an association reaches everything below', () => {
    const network = networkOf(all, associated(ids.humans, ids.machines));
    expect(names(network, ids.machines)).toEqual(['ann', 'bob', 'innernet-server', 'oven', 'ryo']);
    expect(names(network, ids.bakers)).toEqual(['bob', 'innernet-server', 'oven']);
  });

  it('a limited association shows those that keep to limits to those that do, and nobody else', () => {
    const joined = associated(ids.humans, ids.machines);
    const { associationId } = joined;
    const keeps = (...ids: PeerId[]): NetworkEvent[] =>
      ids.map((peerId) => ({ type: 'PeerEnforces', peerId, limits: true }));
    const limited: NetworkEvent = { type: 'AssociationLimited', associationId, allow: [] };
    const seenBy = (network: Network, id: PeerId, word: Word): string[] => {
      const peer = network.peer(id);
      return peer
        ? [...visiblePeers(network, viewOf(network, peer, word))].map(({ name }) => name).sort()
        : [];
    };
    const network = networkOf(all, joined, limited, keeps(ids.ann, ids.oven));
    expect(seenBy(network, ids.oven, 'limits')).toEqual(['ann', 'innernet-server', 'oven']);
    expect(seenBy(network, ids.oven, 'plain')).toEqual(['innernet-server', 'oven']);
    expect(seenBy(network, ids.ann, 'limits')).toEqual(['ann', 'innernet-server', 'oven', 'ryo']);
    expect(seenBy(network, ids.bob, 'limits')).toEqual(['bob', 'innernet-server']);
    const whole = networkOf(all, joined, limited, { type: 'AssociationUnlimited', associationId });
    expect(seenBy(whole, ids.bob, 'old')).toEqual(['bob', 'innernet-server', 'oven']);
  });

  it('an isolated peer sees itself and the server', () => {
    const network = networkOf(all, { type: 'CidrIsolated', cidrId: ids.engineers });
    const ann = network.peer(ids.ann);
    const shown = ann ? [...visiblePeers(network, viewOf(network, ann, 'limits'))] : [];
    expect(shown.map(({ name }) => name).sort()).toEqual(['ann', 'innernet-server']);
  });

  it('an association ends', () => {
    const network = networkOf(all, associated(ids.bakers, ids.machines), {
      type: 'AssociationDeleted',
      associationId: associated(ids.bakers, ids.machines).associationId,
    });
    expect(names(network, ids.bakers)).toEqual(['bob', 'innernet-server']);
  });

  it('the imported peer of an inner CIDR sees those below, and they do not see it', () => {
    const boss: NetworkEvent = {
      type: 'PeerAdded',
      peerId: peerId(7),
      name: 'boss',
      ip: ip(all === acme.network ? '10.42.200.1' : 'fdac:42:0:9000::1'),
      cidrId: ids.humans,
      publicKey: keyOf('boss'),
      isAdmin: false,
      inviteExpires: null,
      redeemed: true,
      endpoint: endpoint('1.2.3.4:51820'),
    };
    const network = networkOf(all, boss);
    expect(names(network, ids.humans)).toEqual(['ann', 'bob', 'boss', 'innernet-server', 'ryo']);
    expect(names(network, ids.engineers)).toEqual(['ann', 'innernet-server', 'ryo']);
  });
});

type Tree = { parents: number[]; pairs: [number, number][]; ended: number };

/**
 * Up to 14 CIDRs, each below one that was there before (the first two are root and server), and associations, the
 * same pair perhaps twice; one of them has ended.
 */
const trees: fc.Arbitrary<Tree> = fc.record({
  parents: fc.array(fc.nat(20), { maxLength: 12 }),
  pairs: fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 6 }),
  ended: fc.nat(6),
});

const networkLike = ({ parents, pairs, ended }: Tree): Network => {
  const events: NetworkEvent[] = [...acme.created];
  parents.forEach((parent, index) => {
    events.push({
      type: 'CidrAdded',
      cidrId: cidrId(index + 3),
      name: `cidr-${index + 3}`,
      cidr: cidr(`10.42.${index + 3}.0/24`),
      parentId: cidrId((parent % (index + 2)) + 1),
    });
  });
  const count = parents.length + 2;
  pairs.forEach(([left, right], index) => {
    const [a, b] = [cidrId((left % count) + 1), cidrId((right % count) + 1)];
    if (a !== b) events.push(associated(a, b, index + 1));
  });
  return networkOf(events, { type: 'AssociationDeleted', associationId: associationId(ended) });
};

const isBelow = (network: Network, cidr: CidrId, above: CidrId): boolean => {
  for (let node: CidrNode | undefined = network.cidr(cidr); node; ) {
    if (node.id === above) return true;
    node = node.parentId === null ? undefined : network.cidr(node.parentId);
  }
  return false;
};

/** The definition, word for word: one's own CIDR and below, the server's, and what is associated, and below. */
const maySee = (network: Network, viewer: CidrId, seen: CidrId): boolean =>
  isBelow(network, seen, viewer) ||
  isBelow(network, seen, ids.serverCidr) ||
  [...network.associations()].some(({ cidrIds: [left, right] }) =>
    [[left, right] as const, [right, left] as const].some(
      ([own, other]) => isBelow(network, viewer, own) && isBelow(network, seen, other),
    ),
  );

describe('over random trees', () => {
  const idsOf = (network: Network): CidrId[] => [...network.cidrs()].map(({ id }) => id);

  it('all ways to ask give what the definition says', () =>
    fc.assert(
      fc.property(trees, (tree) => {
        const network = networkLike(tree);
        const all = idsOf(network);
        for (const viewer of all) {
          const expected = all.filter((seen) => maySee(network, viewer, seen));
          expect([...visibleCidrs(network, viewer)].sort((a, b) => a - b)).toEqual(expected);
          expect(all.filter((seen) => sightOf(network, viewer, seen) === 'whole')).toEqual(expected);
          expect(all.filter((seen) => viewersOf(network, seen).has(viewer))).toEqual(expected);
        }
      }),
    ));

  it('lineage and subtree are each other’s inverse', () =>
    fc.assert(
      fc.property(trees, (tree) => {
        const network = networkLike(tree);
        for (const above of idsOf(network)) {
          const below = [...subtree(network, above)].sort((a, b) => a - b);
          expect(below).toEqual(idsOf(network).filter((id) => [...lineage(network, id)].includes(above)));
        }
      }),
    ));

  it('a circle of parents, which only a broken import could hold, ends', () => {
    const network = networkOf(
      acme.created,
      { type: 'CidrAdded', cidrId: cidrId(3), name: 'a', cidr: cidr('10.42.3.0/24'), parentId: cidrId(4) },
      { type: 'CidrAdded', cidrId: cidrId(4), name: 'b', cidr: cidr('10.42.4.0/24'), parentId: cidrId(3) },
    );
    expect([...lineage(network, cidrId(3))]).toEqual([3, 4]);
    expect([...subtree(network, cidrId(3))]).toEqual([3, 4]);
  });
});

it('who appears has joined and is enabled', () => {
  const network = networkOf(acme.network, { type: 'PeerDisabled', peerId: ids.ryo });
  expect([ids.ann, ids.ryo, ids.eve, peerId(99)].map((id) => appears(network.peer(id)))).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
