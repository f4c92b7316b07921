// What `ip` is told of blocks beyond the network's range, compared with what a person would type.
import { expect, it } from 'vitest';
import { Cidr } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { routeLines } from '../../src/wireguard/routed-blocks.ts';

const acme = InterfaceName.parse('acme');
const [office, lab] = [Cidr.parse('192.168.50.0/24'), Cidr.parse('fd50::/64')];

it('adds what is missing, removes what is not wanted, and says nothing of what is right', () => {
  expect(routeLines(acme, [], [office, lab])).toEqual([
    'route add 192.168.50.0/24 dev acme proto 105',
    'route add fd50::/64 dev acme proto 105',
  ]);
  expect(routeLines(acme, [office, lab], [lab])).toEqual(['route del 192.168.50.0/24 dev acme proto 105']);
  expect(routeLines(acme, [office], [office])).toEqual([]);
});
