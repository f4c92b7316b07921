// What nft is told of phones: a rule each kind, and sets that change alone.
import { expect, it } from 'vitest';
import { planOf, tableName } from '../../src/filter/filter-table.ts';
import { phonesThrough, type RoutedPair } from '../../src/filter/through.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { cidr, ip } from '../acme.ts';

const device = InterfaceName.parse('acme');
const blocks = [cidr('10.42.1.0/24'), cidr('10.42.2.0/24'), cidr('10.42.2.128/25')];
const humans = blocks[0]!;
const machines = blocks[1]!;

const table = (phones: string[], ...pairs: RoutedPair[]) =>
  phonesThrough(device, { range: cidr('10.42.0.0/16'), phones: phones.map(ip), blocks, pairs }, false);

it('judges what goes from the device to the device, and lets nobody elsewhere speak for a peer', () => {
  const { chains } = table(['10.42.1.9'], { from: humans, to: humans, allow: 'all' });
  expect(chains.map(({ name, rules }) => [name, rules])).toEqual([
    [
      'phones',
      [
        'ip saddr != @phones ip daddr != @phones counter drop',
        'ct state established ct direction reply accept',
        'meta l4proto icmp ct state related accept',
        'ip saddr . ip daddr . meta l4proto . th dport @phones-ports accept',
        'ip saddr . ip daddr @phones-all accept',
        'ip saddr . ip daddr @phones-ping icmp type echo-request accept',
        'counter drop',
      ],
    ],
    [
      'through',
      [
        'iifname "acme" oifname "acme" goto phones',
        'iifname != "acme" oifname "acme" ip saddr 10.42.0.0/16 counter drop',
        'iifname "acme" counter drop',
      ],
    ],
    ['redirects', ['oifname "acme" icmp type redirect drop']],
  ]);
});

it('a block in another counts for itself', () => {
  const { sets } = table([], { from: humans, to: machines, allow: 'all' });
  expect(sets.find(({ name }) => name === 'phones-all')?.elements).toEqual([
    '10.42.1.0-10.42.1.255 . 10.42.2.0-10.42.2.127',
  ]);
});

it('another phone, another port: elements alone', () => {
  const name = tableName(device);
  const print: RoutedPair = { from: humans, to: machines, allow: [{ protocol: 'tcp', ports: [[631, 631]] }] };
  const before = { name, ...table(['10.42.1.9'], { ...print, allow: [] }) };
  const wants = { name, ...table(['10.42.1.9', '10.42.1.10'], print) };
  expect(planOf('listing', { table: before, listing: 'listing' }, wants)).toBe(
    [
      'add element inet innernet-acme phones { 10.42.1.10 }',
      'add element inet innernet-acme phones-ports { 10.42.1.0-10.42.1.255 . 10.42.2.0-10.42.2.127 . tcp . 631 }',
      '',
    ].join('\n'),
  );
});
