// What may be begun, as sets: ports joined, blocks apart, and never two elements for one packet.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { allowedBy, apart, source, sourceAndTarget } from '../../src/filter/allowed.ts';
import { type Cidr, containsIp, fromNumber, networkOf, prefixOf, toNumber } from '../../src/values/ip.ts';
import type { Allow } from '../../src/values/opening.ts';
import { cidr } from '../acme.ts';

const elementsOf = (allow: 'all' | Allow[], key = '10.42.1.0/24') =>
  allowedBy('may', source(4), [{ key, allow }]).sets.map(({ elements }) => elements);

it('has a set for everything, one for pings and one for ports', () => {
  expect(elementsOf('all')).toEqual([['10.42.1.0/24'], [], []]);
  expect(elementsOf([])).toEqual([[], [], []]);
  expect(elementsOf([{ protocol: 'icmp' }])).toEqual([[], ['10.42.1.0/24'], []]);
  expect(elementsOf([{ protocol: 'tcp' }, { protocol: 'udp', ports: [[53, 53]] }])).toEqual([
    [],
    [],
    ['10.42.1.0/24 . tcp . 0-65535', '10.42.1.0/24 . udp . 53'],
  ]);
  expect(elementsOf([{ protocol: 'tcp', ports: [[22, 22]] }, { protocol: 'any' }])).toEqual([
    ['10.42.1.0/24'],
    [],
    [],
  ]);
});

it('joins ports that overlap or touch', () =>
  expect(
    elementsOf([
      {
        protocol: 'tcp',
        ports: [
          [9100, 9100],
          [80, 90],
        ],
      },
      {
        protocol: 'tcp',
        ports: [
          [85, 99],
          [100, 100],
        ],
      },
    ]).at(-1),
  ).toEqual(['10.42.1.0/24 . tcp . 80-100', '10.42.1.0/24 . tcp . 9100']));

it('asks by the same rules whatever is allowed, in both families and for pairs', () => {
  const [none, some] = [[], [{ key: '::/0', allow: 'all' as const }]].map((allowed) =>
    allowedBy('may', source(6), allowed),
  );
  expect(some?.rules).toEqual(none?.rules);
  expect(some?.rules[2]).toBe('ip6 saddr @may-ping icmpv6 type echo-request accept');
  const pairs = allowedBy('may', sourceAndTarget(4), [
    { key: '10.42.1.2 . 10.42.2.0/24', allow: [{ protocol: 'udp' }] },
  ]);
  expect(pairs.sets.at(-1)?.elements).toEqual(['10.42.1.2 . 10.42.2.0/24 . udp . 0-65535']);
  expect(pairs.sets.at(-1)?.of).toBe('ipv4_addr . ipv4_addr . inet_proto . inet_service');
});

it('takes nested blocks apart', () =>
  expect(
    apart([cidr('10.42.0.0/24'), cidr('10.42.0.8/29'), cidr('10.42.0.10/32'), cidr('10.42.0.255/32')]),
  ).toEqual(
    new Map([
      ['10.42.0.0/24', ['10.42.0.0-10.42.0.7', '10.42.0.16-10.42.0.254']],
      ['10.42.0.8/29', ['10.42.0.8-10.42.0.9', '10.42.0.11-10.42.0.15']],
      ['10.42.0.10/32', ['10.42.0.10']],
      ['10.42.0.255/32', ['10.42.0.255']],
    ]),
  ));

it('each address belongs to its smallest block alone', () => {
  const block = (family: 4 | 6) =>
    fc.tuple(fc.bigInt(0n, 63n), fc.integer({ min: 0, max: 6 })).map(([host, free]) => {
      const base = family === 4 ? 0x0a2a0000n : 0xfdac0042n << 96n;
      const full = family === 4 ? 32 : 128;
      return networkOf(`${fromNumber(base + host, family)}/${full - free}` as Cidr);
    });
  const world = fc
    .constantFrom(4 as const, 6 as const)
    .chain((family) => fc.array(block(family), { minLength: 1, maxLength: 12 }));
  fc.assert(
    fc.property(world, fc.bigInt(0n, 63n), (blocks, host) => {
      const family = blocks[0]?.includes(':') ? 6 : 4;
      const address = fromNumber((family === 4 ? 0x0a2a0000n : 0xfdac0042n << 96n) + host, family);
      const smallest = blocks
        .filter((each) => containsIp(each, address))
        .toSorted((a, b) => prefixOf(b) - prefixOf(a))[0];
      const owners = [...apart(blocks)].filter(([, ranges]) =>
        ranges.some((range) => {
          const [first = '', last = first] = range.split('-');
          return (
            toNumber(first as never) <= toNumber(address) && toNumber(address) <= toNumber(last as never)
          );
        }),
      );
      expect(owners.map(([owner]) => owner)).toEqual(smallest ? [smallest] : []);
    }),
    { numRuns: 300 },
  );
});
