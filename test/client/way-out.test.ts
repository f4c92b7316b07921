// By which interfaces a machine reaches a block, and what it says where it does not. R78.
import { describe, expect, it } from 'vitest';
import { type Surroundings, wayOut } from '../../src/client/router/way-out.ts';
import { advertisedDefaults } from '../../src/filter/best-route.ts';
import { InterfaceName } from '../../src/values/name.ts';
import { cidr, ip } from '../acme.ts';

const LAN = cidr('192.168.50.0/24');
const HEAD = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT';
const route = (device: string, to: string, mask: string) =>
  [device, to, '0100A8C0', '0003', '0', '0', '0', mask, '0', '0', '0'].join('\t');
const DEFAULT = route('eth0', '00000000', '00000000');

const around = (devices: { [device: string]: string | null }, ...routes: string[]): Surroundings => ({
  device: InterfaceName.parse('acme'),
  family: 4,
  interfaces: Object.entries(devices).map(([device, text]) => ({
    device,
    isUp: !text?.startsWith('down '),
    addresses: text === null ? [] : [ip(text.replace('down ', ''))],
  })),
  routes: [HEAD, ...routes].join('\n'),
});
const why = (...given: Parameters<typeof wayOut>) => wayOut(...given).why;

describe('a block is reached', () => {
  it('by each interface that has an address in it', () => {
    const all = around({ eth0: '203.0.113.5', eth1: '192.168.50.7', acme: '192.168.50.9' });
    expect(wayOut(LAN, all)).toEqual({ block: LAN, interfaces: ['eth1'] });
  });

  it('by a route that leads there, a default one for what is public alone', () => {
    const to16 = route('eth2', '0000A8C0', '0000FFFF');
    expect(wayOut(LAN, around({ eth2: '10.9.0.1' }, DEFAULT, to16)).interfaces).toEqual(['eth2']);
    expect(wayOut(cidr('198.51.100.0/24'), around({ eth0: '203.0.113.5' }, DEFAULT)).interfaces).toEqual([
      'eth0',
    ]);
    expect(why(LAN, around({ eth0: '203.0.113.5' }, DEFAULT))).toBe(
      'none of its interfaces has an address in 192.168.50.0/24, and no route leads there',
    );
  });

  it('not by the network itself', () => {
    const own = route('acme', '0032A8C0', '00FFFFFF');
    expect(why(LAN, around({ acme: '10.42.1.1' }, own))).toContain('no route leads there');
  });

  it('no more when its interface is down, or gone', () => {
    expect(why(LAN, around({ eth1: 'down 192.168.50.7' }))).toBe('its eth1 is down');
    // IPv6 loses its addresses with the interface.
    expect(
      why(LAN, { ...around({}), interfaces: [{ device: 'eth1', isUp: false, addresses: [] }] }, ['eth1']),
    ).toBe('its eth1 is down');
    expect(why(LAN, around({ eth0: '203.0.113.5' }), ['eth1'])).toBe('its eth1 is gone');
  });
});

it('an exit needs a default route, and the family of the network', () => {
  expect(wayOut(cidr('0.0.0.0/0'), around({ eth0: '203.0.113.5' }, DEFAULT)).interfaces).toEqual(['eth0']);
  expect(why(cidr('0.0.0.0/0'), around({ eth0: '203.0.113.5' }))).toBe(
    'it has no way to the Internet itself',
  );
  expect(why(cidr('::/0'), around({ eth0: '203.0.113.5' }, DEFAULT))).toBe(
    'the network has addresses of IPv4 alone',
  );
});

it('default routes that came by an advertisement are told apart', () => {
  const zeros = '0'.repeat(32);
  const line = (flags: string, device: string) =>
    `${zeros} 00 ${zeros} 00 ${'fe80'.padEnd(32, '0')} 00000400 00000001 00000000 ${flags} ${device}`;
  const text = [line('00450003', 'eth0'), line('00000003', 'eth1'), line('00450003', 'eth0')].join('\n');
  expect(advertisedDefaults(text)).toEqual(['eth0']);
});
