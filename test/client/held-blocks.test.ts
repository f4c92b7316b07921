// What of the network's routes a machine takes: private blocks, and nothing of its own surroundings.
import { describe, expect, it } from 'vitest';
import { heldReason, type Surroundings } from '../../src/client/tunnels/held-blocks.ts';
import { Cidr, Ip } from '../../src/values/ip.ts';

const range = Cidr.parse('10.42.0.0/16');
const nowhere: Surroundings = { connected: [], routed: [], hosts: [] };
const block = (text: string): Cidr => Cidr.parse(text);
const held = (text: string, around: Partial<Surroundings> = {}, accepts: Cidr[] = []): string | undefined =>
  heldReason(block(text), { range, accepts }, { ...nowhere, ...around });

describe('by its own rule a machine', () => {
  it.each(['192.168.50.0/24', '172.16.0.0/12', '100.64.0.0/10'])('takes %s', (text) =>
    expect(held(text)).toBeUndefined(),
  );

  it.each(['203.0.113.0/24', '8.8.8.8/32', '172.0.0.0/8', '128.0.0.0/1'])(
    'does not take %s, which is public, from anybody',
    (text) => expect(held(text)).toContain('not private'),
  );

  it('takes a public block that its conf names, and what is in that', () => {
    expect(held('203.0.113.0/24', {}, [block('203.0.113.0/24')])).toBeUndefined();
    expect(held('203.0.113.8/29', {}, [block('203.0.113.0/24')])).toBeUndefined();
    expect(held('203.0.112.0/23', {}, [block('203.0.113.0/24')])).toContain('not private');
  });

  it('takes no block as wide as a whole private range of IPv6', () => {
    const six = { range: block('fd42::/48'), accepts: [] };
    expect(heldReason(block('fc00::/8'), six, nowhere)).toContain('very wide');
    expect(heldReason(block('fd50::/16'), six, nowhere)).toBeUndefined();
    expect(heldReason(block('fd42::/32'), six, nowhere)).toContain("the network's own range");
  });

  it('takes nothing of the network’s own range, nor of a family without addresses', () => {
    expect(held('10.42.9.0/24')).toContain("the network's own range");
    expect(held('10.0.0.0/8')).toContain("the network's own range");
    expect(held('fd50::/16')).toBe('the network has no IPv6 addresses');
  });
});

describe('by where it is a machine holds a block', () => {
  const eth0 = { cidr: block('192.168.1.0/24'), device: 'eth0' };

  it('in which its own network is, or that is in it', () => {
    expect(held('192.168.0.0/16', { connected: [eth0] })).toBe('eth0 is in it');
    expect(held('192.168.1.128/25', { connected: [eth0] })).toBe('eth0 is in it');
    expect(held('192.168.2.0/24', { connected: [eth0] })).toBeUndefined();
  });

  it('to which it has a route already; one to a part of it, or around it, does not matter', () => {
    const routed = (text: string) => ({ routed: [{ cidr: block(text), device: 'tun7' }] });
    expect(held('192.168.50.0/24', routed('192.168.50.0/24'))).toBe('tun7 has a route to it');
    expect(held('192.168.50.0/24', routed('192.168.0.0/16'))).toBeUndefined();
    expect(held('192.168.0.0/16', routed('192.168.50.0/24'))).toBeUndefined();
  });

  it('in which its resolver, gateway or server is', () => {
    const host = (what: string, ip: string) => ({ hosts: [{ what, ip: Ip.parse(ip) }] });
    expect(held('192.168.50.0/24', host('the resolver', '192.168.50.53'))).toBe(
      'the resolver 192.168.50.53 is in it',
    );
    expect(held('192.168.50.0/24', host('the server', '192.168.51.1'))).toBeUndefined();
  });
});
