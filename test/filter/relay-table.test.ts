// The relay's table as data: what is added and removed, what nft's listings say, which interface leads where.
import { describe, expect, it } from 'vitest';
import { bestRoute } from '../../src/filter/best-route.ts';
import {
  addWay,
  changeSites,
  keptOwn,
  othersThatFilter,
  passedIn,
  removeWay,
  skeletonOf,
  wayKey,
} from '../../src/filter/relay-table.ts';
import type { Ip } from '../../src/values/ip.ts';
import { InterfaceName } from '../../src/values/name.ts';

const network = InterfaceName.parse('acme');
const table = { network, family: 4 } as const;
const table6 = { network, family: 6 } as const;
const way = {
  fromHost: '203.0.113.2' as Ip,
  fromPort: 4002,
  index: 0xfe,
  toHost: '203.0.113.3' as Ip,
  toPort: 4003,
};

describe('a way', () => {
  it('is an element of both maps of its family, and is removed from both', () => {
    expect(addWay(table, way, 200)).toEqual([
      'add element ip innernet-relay-acme addr { 203.0.113.2 . 4002 . 0x000000fe timeout 200s : 203.0.113.3 }',
      'add element ip innernet-relay-acme port { 203.0.113.2 . 4002 . 0x000000fe timeout 200s : 4003 }',
    ]);
    expect(removeWay(table, wayKey(way))).toEqual([
      'delete element ip innernet-relay-acme addr { 203.0.113.2 . 4002 . 0x000000fe }',
      'delete element ip innernet-relay-acme port { 203.0.113.2 . 4002 . 0x000000fe }',
    ]);
    const way6 = { ...way, fromHost: '2001:db8::2' as Ip, toHost: '2001:db8::3' as Ip };
    expect(addWay(table6, way6, 200)[0]).toBe(
      'add element ip6 innernet-relay-acme addr { 2001:db8::2 . 4002 . 0x000000fe timeout 200s : 2001:db8::3 }',
    );
  });
});

it('sites are added and removed where there are any', () => {
  expect(changeSites(table, [], [])).toEqual([]);
  expect(changeSites(table, ['203.0.113.2', '203.0.113.3'], ['203.0.113.4'])).toEqual([
    'delete element ip innernet-relay-acme sites { 203.0.113.4 }',
    'add element ip innernet-relay-acme sites { 203.0.113.2, 203.0.113.3 }',
  ]);
});

it('an interface that forwards for the relay alone passes nothing else on', () => {
  const relay = { ...table, port: 51821, ownHost: '203.0.113.10' as Ip };
  expect(skeletonOf({ ...relay, lent: ['eth0'] }).join('\n')).toContain('iifname "eth0" drop');
  expect(skeletonOf({ ...relay, lent: [] }).join('\n')).not.toContain('iifname');
});

it('some packets of a host that is not told yet reach the program: the first data after a handshake is among them', () => {
  const lines = skeletonOf({ ...table, port: 51821, ownHost: '203.0.113.10' as Ip, lent: [] });
  const strangers = lines.filter((line) => line.includes('saddr != @sites'));
  expect(strangers).toEqual(
    Array(2).fill('    ip saddr != @sites limit rate over 200/second burst 200 packets drop'),
  );
});

describe('what nft lists', () => {
  it('keeps the addresses to which peers speak', () => {
    const listing = `table ip innernet-relay-acme {
	map own {
		type inet_service . ipv4_addr : ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 3m10s
		elements = { 4002 . 203.0.113.2 timeout 3m10s expires 3m9s996ms : 203.0.113.10,
			     4003 . 203.0.113.3 expires 12s : 203.0.113.11 }
	}
}`;
    expect(keptOwn(table, listing)).toEqual([
      'add element ip innernet-relay-acme own { 4002 . 203.0.113.2 : 203.0.113.10 }',
      'add element ip innernet-relay-acme own { 4003 . 203.0.113.3 : 203.0.113.11 }',
    ]);
    expect(keptOwn(table, '')).toEqual([]);
    expect(keptOwn(table6, 'elements = { 4002 . 2001:db8::2 expires 3m9s996ms : 2001:db8::a }')).toEqual([
      'add element ip6 innernet-relay-acme own { 4002 . 2001:db8::2 : 2001:db8::a }',
    ]);
  });

  it('counts what was taken and sent', () => {
    const listing = `table ip innernet-relay-acme {
	counter taken {
		packets 12 bytes 3400
	}

	counter sent {
		packets 11 bytes 3100
	}
}`;
    expect(passedIn(listing)).toEqual({ taken: 12, sent: 11, bytes: 3400 });
    expect(passedIn('')).toEqual({ taken: 0, sent: 0, bytes: 0 });
  });

  it('names the chains of others that filter, those that drop first', () => {
    const chain = (table: string, policy: string, hook = 'forward') => ({
      chain: { family: 'ip', table, name: 'FORWARD', hook, policy },
    });
    const nftables = [
      { metainfo: {} },
      chain('mine', 'accept'),
      chain('docker', 'drop'),
      chain('docker', 'drop', 'input'),
      chain('innernet-relay-acme', 'accept'),
      chain('innernet-acme', 'accept'),
    ];
    expect(othersThatFilter(table, JSON.stringify({ nftables }))).toEqual([
      'ip docker FORWARD',
      'ip mine FORWARD',
    ]);
    expect(othersThatFilter(table6, JSON.stringify({ nftables }))).toEqual([]);
    expect(othersThatFilter(table, '')).toEqual([]);
  });
});

describe('the interface towards a host', () => {
  const routes = [
    'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t017100CB\t0003\t0\t0\t100\t00000000\t0\t0\t0',
    'eth2\t00000000\t017100CB\t0003\t0\t0\t50\t00000000\t0\t0\t0',
    'eth1\t007100CB\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    '',
  ].join('\n');

  it('is that of the narrowest route, then of the least metric', () => {
    expect(bestRoute('203.0.113.9' as Ip, routes)).toBe('eth1');
    expect(bestRoute('198.51.100.1' as Ip, routes)).toBe('eth2');
  });

  it('is unknown without a route', () => {
    expect(bestRoute('203.0.113.9' as Ip, routes.split('\n')[0] ?? '')).toBeUndefined();
  });

  it('of IPv6 is found in the same way, and not by a route that rejects', () => {
    const none = '0'.repeat(32);
    const line = (to: string, prefix: string, metric: string, flags: string, device: string) =>
      `${to.padEnd(32, '0')} ${prefix} ${none} 00 ${none} ${metric} 00000001 00000000 ${flags} ${device}\n`;
    const text = [
      line('20010db8', '40', '00000100', '00000001', '    eth0'),
      line('', '00', '00000400', '00000003', '    eth1'),
      line('', '00', '00000100', '00000003', '    eth2'),
      line('', '00', 'ffffffff', '00200200', '      lo'),
      line('fc', '07', '00000001', '00200200', '      lo'),
    ].join('');
    expect(bestRoute('2001:db8::9' as Ip, text)).toBe('eth0');
    expect(bestRoute('2001:db8:1::9' as Ip, text)).toBe('eth2');
    expect(bestRoute('2001:db8::9' as Ip, text.split('\n')[3] ?? '')).toBeUndefined();
  });
});
