// What limited blocks may begin here, as a table.
import { expect, it } from 'vitest';
import { scriptOf } from '../../src/filter/filter-table.ts';
import { inbound } from '../../src/filter/inbound.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { cidr } from '../acme.ts';

const device = InterfaceName.parse('acme');
const limited = [
  {
    key: '10.42.1.0-10.42.1.255',
    allow: [{ protocol: 'tcp' as const, ports: [[22, 22] as [number, number]] }],
  },
];
const ranges = { 4: cidr('10.42.0.0/16'), 6: cidr('fdac:42::/48') };
const script = (family: 4 | 6, isFirst = false): string =>
  scriptOf({ name: 'innernet-acme', ...inbound({ device, range: ranges[family], limited, isFirst }) });

it('is nothing where nothing is limited', () =>
  expect(inbound({ device, range: ranges[4], limited: [] })).toEqual({ sets: [], chains: [] }));

it('judges before any translation of addresses, and wherever a packet comes in', () =>
  expect(script(4)).toContain(`  chain in {
    type filter hook prerouting priority mangle; policy accept;
    iifname != "lo" ip saddr 10.42.0.0/16 ip saddr @limited goto limited
  }`));

it('lets answers pass, and what was under way no more than the other side may begin', () =>
  expect(script(4)).toContain(`  chain limited {
    ct direction original goto judge
    ct label 105 goto judge
    ct state established,related ct direction reply accept
    goto judge
  }`));

it('lets errors pass', () =>
  expect(script(4)).toContain(`    meta l4proto icmp ct state related accept
    counter drop`));

it('asks whether more than TCP was under way only of a first table', () => {
  const blocks = 'elements = { 10.42.1.0-10.42.1.255 }';
  const firstOf = (text: string) => /set first {[^}]*}/.exec(text)?.[0];
  expect(firstOf(script(4))).not.toContain('10.42');
  expect(firstOf(script(4, true))).toContain(blocks);
});

it('has the words of the other family', () => {
  expect(script(6)).toContain('ip6 saddr fdac:42::/48 ip6 saddr @limited goto limited');
  expect(script(6)).toContain('meta l4proto icmpv6 ct state related accept');
  expect(script(6)).toContain('ct state new ip6 daddr @limited tcp flags');
});
