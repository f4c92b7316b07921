// Who may send where through a router, as nft is told it. R75.
import { describe, expect, it } from 'vitest';
import { carried, pastLimits } from '../../src/filter/carried.ts';
import { type CarriedRoute, carriedPairs, isCovered } from '../../src/filter/carried-pairs.ts';
import { canMake } from '../../src/filter/kept-table.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { cidr, ip } from '../acme.ts';

const device = InterfaceName.parse('acme');
const range = cidr('10.42.0.0/16');
const humans = '10.42.1.0/24';
const machines = '10.42.2.0/24';

const route = (block: string, from: string[], keepSource = false): CarriedRoute => ({
  blocks: [cidr(block)],
  from: from.map(cidr),
  keepSource,
});
const pairs = (...routes: CarriedRoute[]) =>
  carriedPairs({ range, routes, homes: [humans, machines, '10.42.2.128/25'].map(cidr), near: [] });

describe('pairs of a router', () => {
  it('are the blocks of those who may, with what they may reach', () => {
    expect(pairs(route('192.168.50.0/24', [humans, machines]))).toEqual({
      all: ['10.42.1.0-10.42.2.127 . 192.168.50.0-192.168.50.255'],
      masked: ['10.42.1.0-10.42.2.127 . 192.168.50.0-192.168.50.255'],
    });
  });

  it('leave out a CIDR inside another that was not opened', () => {
    expect(pairs(route('192.168.50.0/24', [machines])).all).toEqual([
      '10.42.2.0-10.42.2.127 . 192.168.50.0-192.168.50.255',
    ]);
  });

  it('do not overlap where blocks do: each user has what the blocks around an address open', () => {
    const all = route('10.0.0.0/15', [humans], true);
    const lab = route('10.1.0.0/16', [machines]);
    expect(pairs(all, lab)).toEqual({
      all: [
        '10.42.1.0-10.42.1.255 . 10.0.0.0-10.0.255.255',
        '10.42.1.0-10.42.1.255 . 10.1.0.0-10.1.255.255',
        '10.42.2.0-10.42.2.127 . 10.1.0.0-10.1.255.255',
      ],
      masked: ['10.42.2.0-10.42.2.127 . 10.1.0.0-10.1.255.255'],
    });
  });

  it('of an exit lead to no private address, nor to networks of the router, unless another route names them', () => {
    const exit = route('0.0.0.0/0', [humans]);
    const near = [cidr('203.0.113.0/24')];
    const { all } = carriedPairs({
      range,
      routes: [exit, route('192.168.50.0/24', [humans])],
      homes: [],
      near,
    });
    const targets = all.map((pair) => pair.split(' . ')[1]!);
    expect(targets).toContain('1.0.0.0-9.255.255.255');
    expect(targets).toContain('192.168.50.0-192.168.50.255');
    for (const start of ['10.', '127.', '169.254.', '172.16', '192.168.0', '203.0.113', '224.', '240.'])
      expect(targets.filter((target) => target.startsWith(start))).toEqual([]);
    expect(targets).toContain('11.0.0.0-100.63.255.255');
  });

  it('of another family than the network are none', () => {
    expect(pairs(route('fd50::/64', [humans])).all).toEqual([]);
    expect(pairs(route('::/0', [humans])).all).toEqual([]);
  });

  it('are none for a route that nobody may use', () => {
    expect(pairs(route('192.168.50.0/24', []))).toEqual({ all: [], masked: [] });
  });
});

it('the word for an exit covers nothing else, that for a block all in it', () => {
  expect(isCovered(cidr('192.168.50.0/24'), [cidr('192.168.0.0/16')])).toBe(true);
  expect(isCovered(cidr('192.168.50.0/24'), [cidr('0.0.0.0/0')])).toBe(false);
  expect(isCovered(cidr('0.0.0.0/0'), [cidr('0.0.0.0/0')])).toBe(true);
  expect(isCovered(cidr('192.168.0.0/16'), [cidr('192.168.50.0/24')])).toBe(false);
});

const made = (overlay: string, routes: CarriedRoute[], lent: readonly string[] | 'all') =>
  carried({
    device,
    range: cidr(overlay),
    own: ip(overlay.includes(':') ? 'fdac:42::7' : '10.42.2.7'),
    mtu: 1280,
    pairs: carriedPairs({ range: cidr(overlay), routes, homes: [], near: [] }),
    lent,
  });

it('each packet is judged again, answers by what they answer; what we alone forward is dropped but for that', () => {
  const { chains } = made('10.42.0.0/16', [route('192.168.50.0/24', [humans])], ['acme', 'eth1']);
  const rulesOf = (name: string) => chains.find((chain) => chain.name === name)?.rules;
  expect(rulesOf('out-of-tunnel')?.[0]).toBe('ip saddr . ip daddr @routes goto carry');
  expect(rulesOf('into-tunnel')?.[0]).toBe(
    'ct state established ct direction reply ip daddr . ip saddr @routes goto carry',
  );
  expect(rulesOf('out-of-tunnel')?.at(-1)).toBe('counter drop');
  expect(rulesOf('into-tunnel')?.at(-1)).toBe('counter drop');
  expect(rulesOf('lent')?.at(-1)).toBe('iifname { "acme", "eth1" } meta nfproto ipv4 counter drop');
  expect(pastLimits(device, cidr('10.42.0.0/16'))).toContain('fib daddr type != local accept');
});

describe('nft takes', () => {
  const worlds: [string, string, CarriedRoute[]][] = [
    ['IPv4', '10.42.0.0/16', [route('192.168.50.0/24', [humans]), route('0.0.0.0/0', [machines])]],
    ['IPv6', 'fdac:42::/32', [route('fd50::/64', ['fdac:42:1::/48']), route('::/0', ['fdac:42:2::/48'])]],
  ];
  for (const [name, overlay, routes] of worlds)
    for (const lent of [[], ['acme', 'eth1'], 'all'] as const)
      it(`${name}, where ${lent.length === 0 ? 'all is forwarded anyway' : `we turned on ${lent}`}`, async () => {
        expect(await canMake({ name: 'innernet-acme', ...made(overlay, routes, lent) })).toBe(true);
      });
});
