// Where a peer is looked for, in which order; and where this machine says that it may be found.
import { describe, expect, it } from 'vitest';
import { Places } from '../../src/client/tunnels/places.ts';
import { candidatesFrom } from '../../src/protocol/local-candidates.ts';
import type { Endpoint, SocketAddress } from '../../src/values/endpoint.ts';
import type { PeerId } from '../../src/values/id.ts';
import type { Cidr, Ip } from '../../src/values/ip.ts';
import { row } from './sight.ts';

const at = (text: string) => text as SocketAddress;
const bob = row(5, '10.42.1.5', 50);
const seen = { id: bob.id, endpoint: at('198.51.100.7:4000'), candidates: [at('192.168.1.7:4000')] };

describe('a peer', () => {
  it('behind the same router is first where it says itself', () => {
    const places = new Places(new Map(), new Map());
    places.see(seen);
    const own = { id: 2 as PeerId, endpoint: at('198.51.100.7:51820'), candidates: [] };
    places.see(own);
    expect(places.isAt(own.id)).toBe(true);
    expect(places.isAt(own.id)).toBe(false);
    expect(places.of(bob)).toEqual(['192.168.1.7:4000', '198.51.100.7:4000']);
  });

  it('is at all addresses that its name stands for, and the name may come to stand for others', () => {
    const name = 'bob.example:7' as Endpoint;
    const places = new Places(new Map(), new Map());
    const named = { ...bob, endpoint: name };
    expect(places.nameOf(named)).toBe(name);
    places.resolved(name, [at('192.0.2.9:7'), at('[2001:db8::9]:7')]);
    expect(places.of(named)).toEqual(['192.0.2.9:7', '[2001:db8::9]:7']);
    places.resolved(name, [at('192.0.2.10:7')]);
    expect(places.of(named)).toEqual(['192.0.2.10:7']);
  });

  it('is where the server sees it, then where it was last, then where it says', () => {
    const places = new Places(new Map(), new Map([[bob.ip, at('203.0.113.5:1')]]));
    expect(places.of(bob)).toEqual(['203.0.113.5:1']);
    places.see(seen);
    expect(places.of(bob)).toEqual(['198.51.100.7:4000', '203.0.113.5:1', '192.168.1.7:4000']);
    places.forget(bob.id);
    expect(places.of(bob)).toEqual(['203.0.113.5:1']);
  });

  it('is first where it insists to be; with an all-zero host: as seen, but with its port', () => {
    const places = new Places(new Map(), new Map());
    expect(places.of({ ...bob, endpoint: '0.0.0.0:5000' as Endpoint })).toEqual([]);
    places.see(seen);
    expect(places.of({ ...bob, endpoint: '0.0.0.0:5000' as Endpoint })[0]).toBe('198.51.100.7:5000');
    expect(places.of({ ...bob, endpoint: '[2001:db8::5]:5000' as Endpoint })[0]).toBe('[2001:db8::5]:5000');
  });

  it('is only where this machine insists, if it does', () => {
    const places = new Places(new Map([[bob.ip, 'lan.example:7' as Endpoint]]), new Map());
    places.see(seen);
    expect(places.unresolved(bob)).toBe('lan.example:7');
    expect(places.of(bob)).toEqual([]);
    places.resolved('lan.example:7' as Endpoint, [at('192.168.1.9:7')]);
    expect(places.unresolved(bob)).toBeUndefined();
    expect(places.of(bob)).toEqual(['192.168.1.9:7']);
  });
});

it('candidates are addresses that others could use, ten at most', () => {
  const addresses = [
    '192.168.1.7',
    '127.0.0.1',
    '169.254.3.4',
    '10.42.1.5',
    '2001:db8::1',
    'fe80::1',
    'fd00::7',
    '2a00::7',
    ...Array.from({ length: 12 }, (_, i) => `172.16.0.${i + 1}`),
  ].map((ip) => ({ device: 'eth0', ip: ip as Ip }));
  const candidates = candidatesFrom(addresses, 51820, '10.42.0.0/16' as Cidr);
  expect(candidates.slice(0, 3)).toEqual(['192.168.1.7:51820', '[2a00::7]:51820', '172.16.0.1:51820']);
  expect(candidates.length).toBe(10);
});
