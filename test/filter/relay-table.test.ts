// The relay's table as data: what is added and removed, what nft's listings say, which interface leads where.
import { describe, expect, it } from 'vitest';
import { bestRoute } from '../../src/filter/lent-forwarding.ts';
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
const way = {
  fromHost: '203.0.113.2' as Ip,
  fromPort: 4002,
  index: 0xfe,
  toHost: '203.0.113.3' as Ip,
  toPort: 4003,
};

describe('a way', () => {
  it('is an element of both maps, and is removed from both', () => {
    expect(addWay(network, way, 200)).toEqual([
      'add element ip innernet-relay-acme addr { 203.0.113.2 . 4002 . 0x000000fe timeout 200s : 203.0.113.3 }',
      'add element ip innernet-relay-acme port { 203.0.113.2 . 4002 . 0x000000fe timeout 200s : 4003 }',
    ]);
    expect(removeWay(network, wayKey(way))).toEqual([
      'delete element ip innernet-relay-acme addr { 203.0.113.2 . 4002 . 0x000000fe }',
      'delete element ip innernet-relay-acme port { 203.0.113.2 . 4002 . 0x000000fe }',
    ]);
  });
});

it('sites are added and removed where there are any', () => {
  expect(changeSites(network, [], [])).toEqual([]);
  expect(changeSites(network, ['203.0.113.2', '203.0.113.3'], ['203.0.113.4'])).toEqual([
    'delete element ip innernet-relay-acme sites { 203.0.113.4 }',
    'add element ip innernet-relay-acme sites { 203.0.113.2, 203.0.113.3 }',
  ]);
});

it('an interface that forwards for the relay alone passes nothing else on', () => {
  const table = { network, port: 51821, ownHost: '203.0.113.10' as Ip };
  expect(skeletonOf({ ...table, lent: ['eth0'] }).join('\n')).toContain('iifname "eth0" drop');
  expect(skeletonOf({ ...table, lent: [] }).join('\n')).not.toContain('iifname');
});

it('some packets of a host that is not told yet reach the program: the first data after a handshake is among them', () => {
  const lines = skeletonOf({ network, port: 51821, ownHost: '203.0.113.10' as Ip, lent: [] });
  const strangers = lines.filter((line) => line.includes('saddr != @sites'));
  expect(strangers).toEqual(
    Array(2).fill('    ip saddr != @sites limit rate over 200/second burst 200 packets drop'),
  );
});

describe('what nft lists', () => {
  it('keeps the addresses to which peers speak', () => {
    const listing = `table ip innernet-relay-acme {
	map own {
		type ipv4_addr . inet_service : ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 3m10s
		elements = { 203.0.113.2 . 4002 timeout 3m10s expires 3m9s996ms : 203.0.113.10,
			     203.0.113.3 . 4003 expires 12s : 203.0.113.11 }
	}
}`;
    expect(keptOwn(network, listing)).toEqual([
      'add element ip innernet-relay-acme own { 203.0.113.2 . 4002 : 203.0.113.10 }',
      'add element ip innernet-relay-acme own { 203.0.113.3 . 4003 : 203.0.113.11 }',
    ]);
    expect(keptOwn(network, '')).toEqual([]);
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
    expect(othersThatFilter(network, JSON.stringify({ nftables }))).toEqual([
      'ip docker FORWARD',
      'ip mine FORWARD',
    ]);
    expect(othersThatFilter(network, '')).toEqual([]);
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
    expect(bestRoute(routes, '203.0.113.9' as Ip)).toBe('eth1');
    expect(bestRoute(routes, '198.51.100.1' as Ip)).toBe('eth2');
  });

  it('is unknown without a route', () => {
    expect(bestRoute(routes.split('\n')[0] ?? '', '203.0.113.9' as Ip)).toBeUndefined();
  });
});
