// Rules for a change of way: packets by the relay look as if they had come directly.
import { expect, it } from 'vitest';
import { scriptOf } from '../../src/filter/filter-table.ts';
import { canSwap, type Swap, swapTable } from '../../src/filter/swap-rules.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import type { InterfaceName } from '../../src/values/name.ts';

const acme = 'acme' as InterfaceName;
const relay = '192.0.2.1:51821' as SocketAddress;
const place = '198.51.100.7:51820' as SocketAddress;
const script = (swaps: Swap[]): string => scriptOf(swapTable(acme, swaps));

it("rewrites the source of data for one session's index only", () =>
  expect(script([{ relay, place, listenPort: 41000, index: 0xab }]).split('\n')).toContain(
    '    ip saddr 192.0.2.1 udp sport 51821 udp dport 41000 @th,64,32 0x04000000 @th,96,32 0x000000ab ' +
      'counter udp sport set 51820 ip saddr set 198.51.100.7',
  ));

it('leaves nothing behind without swaps', () =>
  expect(script([])).toBe('add table inet innernet-swap-acme\ndelete table inet innernet-swap-acme\n'));

it('changes no family', () => {
  const six = '[2001:db8::7]:51820' as SocketAddress;
  expect(canSwap({ relay, place: six })).toBe(false);
  expect(canSwap({ relay: six, place: six })).toBe(true);
  expect(script([{ relay: six, place: six, listenPort: 1, index: 1 }])).toContain('ip6 saddr 2001:db8::7');
});
