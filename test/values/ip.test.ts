// Addresses and blocks: which spellings are taken, and the arithmetic that the rules stand on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assignableRange,
  Cidr,
  containsCidr,
  containsIp,
  familyOf,
  fromNumber,
  Ip,
  isAssignable,
  kindOf,
  networkOf,
  overlaps,
  RecordedCidr,
  singleton,
  toNumber,
} from '../../src/values/ip.ts';
import { isPrivateRange } from '../../src/values/reserved.ts';
import { cidr, ip } from '../acme.ts';

describe('an address has one spelling', () => {
  it.each([
    ['10.42.0.1', '10.42.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['FDAC:42::00AB', 'fdac:42::ab'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
    ['::1.2.3.4', '::102:304'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
  ])('%s is %s', (text, canonical) => expect(Ip.parse(text)).toBe(canonical));

  it.each([
    '',
    'ten',
    '10.42.0',
    '10.42.0.1.2',
    '10.42.0.256',
    '010.42.0.1',
    '10.42.00.1',
    '0x0a.42.0.1',
    '0x0a2a0001',
    '170524673',
    ' 10.42.0.1',
    '10.42.0.1\n',
    '10.42.0.1:51820',
    '10.42.0.1/16',
    '١٠.42.0.1',
    '[::1]',
    'fe80::1%eth0',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '02001:db8::1',
    '::ffff:010.1.1.1',
    '::ffff:1.2.3',
    '::ffff:1.2.3.256',
    '1.2.3.4::',
  ])('%j is none', (text) => expect(Ip.safeParse(text).success).toBe(false));

  it('takes text only', () => expect(Ip.safeParse(167_772_161).success).toBe(false));
});

describe('a block has one spelling', () => {
  it.each([
    ['10.42.0.0/16', '10.42.0.0/16'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['10.42.0.7/32', '10.42.0.7/32'],
    ['10.42.0.6/31', '10.42.0.6/31'],
    ['FDAC:42:0::/48', 'fdac:42::/48'],
    ['fdac:42::7/128', 'fdac:42::7/128'],
    ['::/0', '::/0'],
  ])('%s is %s', (text, canonical) => expect(Cidr.parse(text)).toBe(canonical));

  it.each([
    '10.42.0.0',
    '10.42.0.0/',
    '10.42.0.0/33',
    '10.42.0.0/016',
    '10.42.0.0/+16',
    '10.42.0.0/16 ',
    '10.42.0.0/16/16',
    '10.42.0.0/255.255.0.0',
    '10.42/16',
    'fdac:42::/129',
    '/16',
  ])('%j is none', (text) => expect(Cidr.safeParse(text).success).toBe(false));

  it('names the block that was meant when host bits are set', () => {
    const result = Cidr.safeParse('10.42.7.1/16');
    expect(result.error?.issues[0]?.message).toBe(
      '10.42.7.1/16 has host bits set; the block is 10.42.0.0/16',
    );
    expect(Cidr.safeParse('fdac:42::1/48').success).toBe(false);
  });

  it('keeps host bits in what an import recorded', () =>
    expect(RecordedCidr.parse('10.42.7.1/16')).toBe('10.42.7.1/16'));
});

describe('what a peer may have', () => {
  const span = (block: string) => {
    const { first, last } = assignableRange(cidr(block));
    const family = familyOf(cidr(block));
    return [fromNumber(first, family), fromNumber(last, family)];
  };

  it.each([
    ['10.42.0.0/16', '10.42.0.1', '10.42.255.254'],
    ['10.42.0.4/30', '10.42.0.5', '10.42.0.6'],
    ['10.42.0.4/31', '10.42.0.4', '10.42.0.5'],
    ['10.42.0.4/32', '10.42.0.4', '10.42.0.4'],
    ['fdac:42::/64', 'fdac:42::1', 'fdac:42::ffff:ffff:ffff:ffff'],
    ['fdac:42::4/126', 'fdac:42::5', 'fdac:42::7'],
    ['fdac:42::4/127', 'fdac:42::4', 'fdac:42::5'],
    ['fdac:42::4/128', 'fdac:42::4', 'fdac:42::4'],
  ])('in %s: %s to %s', (block, first, last) => {
    expect(span(block)).toEqual([first, last]);
    expect(isAssignable(cidr(block), ip(first))).toBe(true);
    expect(isAssignable(cidr(block), ip(last))).toBe(true);
  });

  it('is nothing of another family or block', () => {
    expect(isAssignable(cidr('0.0.0.0/0'), ip('::7'))).toBe(false);
    expect(isAssignable(cidr('10.42.0.0/16'), ip('10.43.0.1'))).toBe(false);
  });
});

describe('arithmetic', () => {
  const anyIp = fc.oneof(
    fc.bigInt(0n, (1n << 32n) - 1n).map((value) => fromNumber(value, 4)),
    fc.bigInt(0n, (1n << 128n) - 1n).map((value) => fromNumber(value, 6)),
    fc.bigInt(0n, 3n).map((value) => fromNumber(value, 6)),
  );
  const anyCidr = fc
    .tuple(anyIp, fc.nat(128))
    .map(([address, prefix]) =>
      networkOf(RecordedCidr.parse(`${address}/${familyOf(address) === 4 ? prefix % 33 : prefix}`)),
    );

  it('takes an address to its number and back', () =>
    fc.assert(
      fc.property(anyIp, (address) => {
        expect(fromNumber(toNumber(address), familyOf(address))).toBe(address);
        expect(Ip.parse(address)).toBe(address);
      }),
    ));

  it('finds that a block contains itself, its own addresses, and overlaps what it contains', () =>
    fc.assert(
      fc.property(anyCidr, anyCidr, anyIp, (left, right, address) => {
        expect(Cidr.parse(left)).toBe(left);
        expect(containsCidr(left, left)).toBe(true);
        expect(containsIp(left, address)).toBe(containsCidr(left, singleton(address)));
        expect(overlaps(left, right)).toBe(containsCidr(left, right) || containsCidr(right, left));
      }),
    ));
});

it.each([
  ['192.168.1.9', 'private'],
  ['127.0.0.1', 'loopback'],
  ['169.254.1.1', 'linkLocal'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'broadcast'],
  ['0.0.0.0', 'unspecified'],
  ['8.8.8.8', 'unicast'],
  ['fd00::1', 'uniqueLocal'],
  ['fe80::1', 'linkLocal'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'ipv4Mapped'],
])('%s is %s', (text, kind) => expect(kindOf(ip(text))).toBe(kind));

it.each([
  ['10.0.0.0/8', true],
  ['10.0.0.0/7', false],
  ['172.31.255.0/24', true],
  ['172.32.0.0/24', false],
  ['192.168.7.0/24', true],
  ['192.0.0.0/8', false],
  ['100.64.0.0/10', true],
  ['100.0.0.0/8', false],
  ['8.8.8.0/24', false],
  ['fc00::/7', true],
  ['fd42::/48', true],
  ['2001:db8::/32', false],
  ['::/0', false],
])('a network may take %s without being told to: %s', (block, is) =>
  expect(isPrivateRange(cidr(block))).toBe(is),
);
