// What `ip` is told, compared with what a person would type: only what is missing.
import { describe, expect, it } from 'vitest';
import { Cidr, RecordedCidr } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { type Link, repairs } from '../../src/wireguard/link.ts';

const address = RecordedCidr.parse('10.42.1.1/16');
const network = Cidr.parse('10.42.0.0/16');
const wants = { name: InterfaceName.parse('acme'), address, network, mtu: 1280, routing: true };
const right: Link = {
  index: 7,
  kind: 'tun',
  isUp: true,
  asksNeighbours: false,
  mtu: 1280,
  addresses: [{ cidr: address, usable: true }],
  routes: [network],
};

describe('repairs of a link', () => {
  it('are none where nothing is missing', () => expect(repairs(right, wants)).toEqual([]));

  it('make everything of a new one; the route comes with the address', () =>
    expect(repairs(undefined, wants)).toEqual([
      'link set dev acme mtu 1280 up',
      'address add 10.42.1.1/16 dev acme',
    ]));

  it('skip the search for duplicates of an IPv6 address', () => {
    const [one, net] = [RecordedCidr.parse('fd42::1:1/48'), Cidr.parse('fd42::/48')];
    expect(repairs(undefined, { ...wants, address: one, network: net })).toEqual([
      'link set dev acme mtu 1280 up',
      'address add fd42::1:1/48 dev acme nodad',
    ]);
    const searching = { ...right, addresses: [{ cidr: one, usable: false }], routes: [net] };
    expect(repairs(searching, { ...wants, address: one, network: net })).toEqual([
      'address del fd42::1:1/48 dev acme',
      'address add fd42::1:1/48 dev acme nodad',
    ]);
  });

  it('add a route that is gone, or that the address does not bring', () => {
    expect(repairs({ ...right, routes: [] }, wants)).toEqual(['route replace 10.42.0.0/16 dev acme']);
    const single = { ...wants, address: RecordedCidr.parse('10.42.1.1/32') };
    expect(repairs(undefined, single).at(-1)).toBe('route replace 10.42.0.0/16 dev acme');
  });

  it('touch no route when told so', () => {
    const quiet = { ...wants, routing: false };
    expect(repairs(undefined, quiet).at(-1)).toBe('address add 10.42.1.1/16 dev acme noprefixroute');
    expect(repairs({ ...right, routes: [] }, quiet)).toEqual([]);
  });

  it('take off former addresses of the network, and leave those of others', () => {
    const former = { cidr: RecordedCidr.parse('10.42.9.9/16'), usable: true };
    const foreign = { cidr: RecordedCidr.parse('192.168.1.1/24'), usable: true };
    const link = { ...right, addresses: [former, foreign, ...right.addresses] };
    expect(repairs(link, wants)).toEqual(['address del 10.42.9.9/16 dev acme']);
  });
});
