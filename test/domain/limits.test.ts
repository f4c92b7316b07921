// What peers of one CIDR may begin towards those of another: by examples, and over random trees, packet by packet.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openings } from '../../src/domain/limits.ts';
import type { Network } from '../../src/domain/network.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import type { CidrId } from '../../src/values/id.ts';
import { Allow, type Attempt, allows, allowsText, Opening, sumOf } from '../../src/values/opening.ts';
import { acme, associated, associationId, cidr, cidrId, ids } from '../acme.ts';
import { given, networkOf } from '../given.ts';

const limited = (allow: Opening[], id = 1): NetworkEvent => ({
  type: 'AssociationLimited',
  associationId: associationId(id),
  allow,
});

const joined = associated(ids.humans, ids.machines);
const printing: Opening[] = [{ from: ids.humans, protocol: 'tcp', ports: [[631, 631]] }];

describe('openings', () => {
  it('are all within a CIDR, and none between two that nothing joins', () => {
    const network = networkOf(acme.network);
    expect(openings(network, ids.bakers, ids.bakers)).toBe('all');
    expect(openings(network, ids.bakers, ids.machines)).toBeUndefined();
    expect(openings(network, ids.bakers, ids.engineers)).toBeUndefined();
  });

  it('of an association are all until it is limited, then what each end may begin', () => {
    expect(openings(networkOf(acme.network, joined), ids.bakers, ids.machines)).toBe('all');
    const network = networkOf(acme.network, joined, limited(printing));
    expect(openings(network, ids.bakers, ids.machines)).toEqual([{ protocol: 'tcp', ports: [[631, 631]] }]);
    expect(openings(network, ids.machines, ids.bakers)).toEqual([]);
  });

  it('of several limited ways add up, and one whole way makes all whole', () => {
    const other = associated(ids.bakers, ids.machines, 2);
    const ping: Opening[] = [{ from: ids.machines, protocol: 'icmp' }];
    const both = [acme.network, joined, limited(printing), other] as const;
    expect(openings(networkOf(...both), ids.bakers, ids.machines)).toBe('all');
    const network = networkOf(...both, limited(ping, 2));
    expect(openings(network, ids.bakers, ids.machines)).toEqual([{ protocol: 'tcp', ports: [[631, 631]] }]);
    expect(openings(network, ids.machines, ids.bakers)).toEqual([{ protocol: 'icmp' }]);
  });

  it('with the server are always all', () => {
    const network = networkOf(acme.network, joined, limited([]));
    expect(openings(network, ids.machines, ids.serverCidr)).toBe('all');
    expect(openings(network, ids.serverCidr, ids.machines)).toBe('all');
  });

  it('within an isolated CIDR are those of an association that joins it with itself', () => {
    const isolated: NetworkEvent = { type: 'CidrIsolated', cidrId: ids.bakers };
    expect(openings(networkOf(acme.network, isolated), ids.bakers, ids.bakers)).toBeUndefined();
    const around = associated(ids.humans, ids.bakers);
    expect(openings(networkOf(acme.network, isolated, around), ids.bakers, ids.bakers)).toBe('all');
  });
});

it('ports are asked for with icmp, or backwards: refused at the door', () => {
  const wrong = [
    { from: 3, protocol: 'icmp', ports: [[1, 2]] },
    { from: 3, protocol: 'tcp', ports: [[2, 1]] },
    { from: 3, protocol: 'tcp', ports: [] },
    { from: 3, protocol: 'tcp', ports: [[0, 1]] },
  ];
  expect(wrong.filter((opening) => Opening.safeParse(opening).success)).toEqual([]);
});

it('a pair that an import associated twice is limited by both', () => {
  given(acme.network, associated(ids.bakers, ids.machines, 1), associated(ids.machines, ids.bakers, 2))
    .when({ type: 'LimitAssociation', cidrs: ['bakers', 'machines'], allow: [] })
    .emits(limited([], 1), limited([], 2));
});

const ports = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.nat(5))
  .map(([first, more]): [number, number] => [first, first + more]);

const allow = fc.oneof(
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    ports: fc.array(ports, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ protocol: fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const, 'any' as const) }),
);

const ATTEMPTS: Attempt[] = [
  { protocol: 'icmp' },
  { protocol: 'any' },
  ...(['tcp', 'udp'] as const).flatMap((protocol) =>
    Array.from({ length: 19 }, (_, port) => ({ protocol, port: port + 1 })),
  ),
];

const allowed = (list: readonly Allow[]): boolean[] => ATTEMPTS.map((attempt) => allows(list, attempt));

it('a sum lets through what one of its parts does, in one form', () =>
  fc.assert(
    fc.property(fc.array(allow, { maxLength: 6 }), (list) => {
      const sum = sumOf(list);
      expect(allowed(sum)).toEqual(allowed(list));
      expect(sumOf(list.toReversed())).toEqual(sum);
      expect(sumOf(sum)).toEqual(sum);
      expect(sum.every((one) => Allow.safeParse(one).success)).toBe(true);
      expect(allowsText(sum)).toBe(allowsText(list));
    }),
  ));

type Way = { pair: [number, number]; isLimited: boolean; allow: { isLeft: boolean; what: Allow }[] };
type Plan = { parents: number[]; isolated: number[]; ways: Way[] };

const plans: fc.Arbitrary<Plan> = fc.record({
  parents: fc.array(fc.nat(20), { maxLength: 8 }),
  isolated: fc.array(fc.nat(20), { maxLength: 3 }),
  ways: fc.array(
    fc.record({
      pair: fc.tuple(fc.nat(20), fc.nat(20)),
      isLimited: fc.boolean(),
      allow: fc.array(fc.record({ isLeft: fc.boolean(), what: allow }), { maxLength: 3 }),
    }),
    { maxLength: 6 },
  ),
});

const networkLike = ({ parents, isolated, ways }: Plan): Network => {
  const events: NetworkEvent[] = [...acme.created];
  const count = parents.length + 2;
  const one = (number: number): CidrId => cidrId((number % count) + 1);
  parents.forEach((parent, index) => {
    const id = cidrId(index + 3);
    const parentId = cidrId((parent % (index + 2)) + 1);
    events.push({
      type: 'CidrAdded',
      cidrId: id,
      name: `cidr-${id}`,
      cidr: cidr(`10.42.${id}.0/24`),
      parentId,
    });
  });
  for (const id of isolated) events.push({ type: 'CidrIsolated', cidrId: one(id) });
  const pairs = new Set<string>();
  ways.forEach(({ pair, isLimited, allow }, index) => {
    const [left, right] = [one(pair[0]), one(pair[1])];
    const key = [left, right].sort().join();
    if (left === right || pairs.has(key)) return;
    pairs.add(key);
    events.push(associated(left, right, index + 1));
    const list = allow.map(({ isLeft, what }) => ({ from: isLeft ? left : right, ...what }));
    if (isLimited) events.push(limited(list, index + 1));
  });
  return networkOf(events);
};

const isBelow = (network: Network, id: CidrId, above: CidrId): boolean => {
  for (let node = network.cidr(id); node; ) {
    if (node.id === above) return true;
    node = node.parentId === null ? undefined : network.cidr(node.parentId);
  }
  return false;
};

/** The definition, way by way, for one attempt. */
const mayBegin = (network: Network, from: CidrId, to: CidrId, attempt: Attempt): boolean => {
  if ([from, to].some((id) => isBelow(network, id, ids.serverCidr))) return true;
  if (from === to && !network.cidr(from)?.isIsolated) return true;
  const ways = [...network.associations()].flatMap(({ cidrIds: [left, right], allow }) =>
    [
      { near: left, far: right, allow },
      { near: right, far: left, allow },
    ].filter(({ near, far }) => isBelow(network, from, near) && isBelow(network, to, far)),
  );
  return ways.some(
    ({ near, allow }) =>
      !allow ||
      allows(
        allow.filter((each) => each.from === near),
        attempt,
      ),
  );
};

it('over random trees, openings are what the definition says of each attempt', () => {
  const seen = { all: 0, some: 0, none: 0 };
  fc.assert(
    fc.property(plans, (plan) => {
      const network = networkLike(plan);
      const all = [...network.cidrs()].map(({ id }) => id);
      for (const from of all)
        for (const to of all) {
          const found = openings(network, from, to);
          seen[found === 'all' ? 'all' : found ? 'some' : 'none'] += 1;
          const may = ATTEMPTS.map((attempt) => found === 'all' || allows(found ?? [], attempt));
          expect(may).toEqual(ATTEMPTS.map((attempt) => mayBegin(network, from, to, attempt)));
        }
    }),
  );
  expect(Object.values(seen).every((count) => count > 10)).toBe(true);
});
