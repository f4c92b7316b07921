// Devices for real: brought up, adopted, repaired, driven with both backends, taken down; on hosts of the lab.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SocketAddress } from '../../src/values/endpoint.ts';
import { Cidr, type Ip, RecordedCidr } from '../../src/values/ip.ts';
import { keyText, PublicKey } from '../../src/values/key.ts';
import { keyPairFrom } from '../../src/values/key-pair.ts';
import { InterfaceName } from '../../src/values/name.ts';
import type { Backend, PeerConfig } from '../../src/wireguard/device.ts';
import { plan } from '../../src/wireguard/plan.ts';
import { nobodyOn } from '../lab/nobody.ts';
import { type Host, Lab } from '../lab.ts';
import { makeDriver, type Remote, remoteOn } from '../wireguard/remote.ts';

const acme = InterfaceName.parse('acme');
const network = Cidr.parse('10.42.0.0/16');
const config = { name: acme, address: RecordedCidr.parse('10.42.1.1/16'), network };
const v6 = {
  name: acme,
  address: RecordedCidr.parse('fd42::1:1/48'),
  network: Cidr.parse('fd42::/48'),
};

const newKey = () => keyPairFrom(randomBytes(32));
const peerNumber = (number: number): PeerConfig => ({
  publicKey: PublicKey.parse(keyText(Uint8Array.from(randomBytes(32), (b, i) => (i === 31 ? b & 127 : b)))),
  allowedIps: [Cidr.parse(`10.42.${2 + (number >> 8)}.${number & 255}/32`)],
  endpoint: SocketAddress.parse(`198.51.100.7:${1024 + number}`),
  keepalive: number % 2 ? 25 : 0,
});

let lab: Lab;
let driver: Awaited<ReturnType<typeof makeDriver>>;
let host: Host;
let ann: Remote;

beforeAll(async () => {
  driver = await makeDriver();
});
afterAll(() => driver.remove());
beforeEach(async () => {
  lab = await Lab.create();
  host = await lab.host('ann');
  ann = remoteOn(host, driver.path);
});
afterEach(() => lab.close());

/** An IPv6 address is tentative for a moment: that comes to its end by itself. */
const json = async (...args: string[]) =>
  JSON.parse(await host.sure(['ip', '-json', '-details', ...args]), (key, value) =>
    key === 'tentative' ? undefined : value,
  );
const implementations = async () =>
  (await host.exec(['pgrep', '-x', 'wireguard-go', '--ns', String(host.pid), '--nslist', 'net'])).stdout
    .split('\n')
    .filter(Boolean);

/** Stands between, at the device's socket, and parts when it is asked a second time over one connection. */
const PARTING = `
  const { connect, createServer } = require('node:net');
  const { renameSync } = require('node:fs');
  const [path] = process.argv.slice(1);
  renameSync(path, path + '.behind');
  createServer((near) => {
    const far = connect(path + '.behind');
    far.pipe(near);
    near.once('data', (operation) => {
      far.write(operation);
      near.once('data', () => { near.destroy(); far.destroy(); console.log('parted'); });
    });
  }).listen(path, () => console.log('listening'));
`;

/** Another program takes the UDP port, as soon as it is free. */
const squat = (on: Host, port: number): Promise<string> => {
  const program = `
    const take = () => require('dgram').createSocket('udp4')
      .on('error', () => setTimeout(take, 10))
      .bind(${port}, () => console.log('bound'));
    take();
  `;
  return on.spawn(['node', '-e', program]).line(/bound/);
};

describe('bringing up', () => {
  it('makes the device with address, route and MTU, keeps NOARP, and says once why it is not the kernel', async () => {
    const { backend, state, adopted, reasons } = await ann.bringUp(config);
    expect({ backend, adopted, peers: state.peers.size }).toEqual({
      backend: 'userspace',
      adopted: false,
      peers: 0,
    });
    expect(reasons).toEqual([expect.stringMatching(/kernel has no WireGuard/)]);
    expect(state.listenPort).toBeGreaterThan(0);
    const [link] = await json('addr', 'show', 'dev', 'acme');
    expect(link.flags).toEqual(expect.arrayContaining(['UP', 'NOARP']));
    expect(link.mtu).toBe(1280);
    expect(link.addr_info[0]).toMatchObject({ local: '10.42.1.1', prefixlen: 16 });
    expect(await json('route', 'show', 'dev', 'acme')).toEqual([
      expect.objectContaining({ dst: '10.42.0.0/16' }),
    ]);
  });

  it('has an IPv6 address that can be bound at once', async () => {
    await ann.bringUp({ ...v6, backend: 'userspace' });
    const bind = "require('net').createServer().listen(7000,'fd42::1:1',()=>process.exit(0))";
    await host.sure(['node', '-e', bind]);
    expect(await json('-6', 'route', 'show', 'dev', 'acme')).toContainEqual(
      expect.objectContaining({ dst: 'fd42::/48' }),
    );
  });

  it('adopts what is there and changes nothing: same interface, process, peers', async () => {
    const first = await ann.bringUp(config);
    const peer = peerNumber(1);
    await ann.apply(acme, [{ kind: 'set', ...peer }]);
    const [before, processes] = [await json('addr', 'show', 'dev', 'acme'), await implementations()];
    const second = await ann.bringUp({ ...config, backend: 'kernel' });
    expect(second).toMatchObject({ adopted: true, backend: 'userspace', reasons: [] });
    expect(second.state.listenPort).toBe(first.state.listenPort);
    expect([...second.state.peers.keys()]).toEqual([peer.publicKey]);
    expect(await json('addr', 'show', 'dev', 'acme')).toEqual(before);
    expect(await implementations()).toEqual(processes);
    expect(processes).toHaveLength(1);
  });

  it.each([
    ['down', ['link', 'set', 'dev', 'acme', 'down']],
    ['without its address', ['addr', 'flush', 'dev', 'acme', 'scope', 'global']],
    ['without its route', ['route', 'del', '10.42.0.0/16', 'dev', 'acme']],
    ['with another MTU', ['link', 'set', 'dev', 'acme', 'mtu', '1400']],
    ['asking for neighbours', ['link', 'set', 'dev', 'acme', 'arp', 'on']],
    ['with a former address', ['addr', 'add', '10.42.9.9/16', 'dev', 'acme']],
  ])('repairs a device that is %s', async (_, damage) => {
    await ann.bringUp(config);
    const wanted = await ann.link(acme);
    await host.sure(['ip', ...damage]);
    expect(await ann.link(acme)).not.toEqual(wanted);
    await ann.bringUp(config);
    expect(await ann.link(acme)).toEqual(wanted);
  });

  it('makes the device anew when its process was killed, also past the socket that it left', async () => {
    await ann.bringUp(config);
    const [pid] = await implementations();
    await host.sure(['kill', '-9', pid!]);
    await expect.poll(() => ann.link(acme)).toBeUndefined();
    expect((await host.exec(['test', '-e', '/run/wireguard/acme.sock'])).code).toBe(0);
    expect(await ann.bringUp(config)).toMatchObject({ adopted: false });
  });

  it('is asked over a new connection where the last one has ended: its process is another, or it parts', async () => {
    await ann.bringUp(config);
    const peer = peerNumber(1);
    await ann.apply(acme, [{ kind: 'set', ...peer }]);
    const [pid] = await implementations();
    await host.sure(['kill', '-9', pid!]);
    await expect.poll(() => ann.link(acme)).toBeUndefined();
    await host.sure(['wireguard-go', 'acme']);
    const parting = host.spawn([process.execPath, '-e', PARTING, '/run/wireguard/acme.sock']);
    await parting.line(/listening/);
    for (const keepalive of [5, 6, 7, 8]) {
      await ann.apply(acme, [{ kind: 'set', ...peer, keepalive }]);
      expect((await ann.read(acme)).peers.get(peer.publicKey)).toMatchObject({ keepalive });
    }
    await expect.poll(() => parting.lines.filter((line) => line === 'parted').length).toBe(7);
  });

  it('listens again after a port was refused, which closes the one before', async () => {
    await ann.bringUp(config);
    await squat(host, 51820);
    const change = ann.apply(acme, [{ kind: 'listenPort', listenPort: 51820 }]);
    await expect(change).rejects.toThrow('UDP port 51820 is in use by another program');
    expect((await ann.read(acme)).listenPort).toBe(0);
    expect((await ann.bringUp(config)).state.listenPort).toBeGreaterThan(0);
  });

  it('leaves routes alone when told to', async () => {
    await ann.bringUp({ ...config, routing: false });
    expect(await json('route', 'show', 'dev', 'acme')).toEqual([]);
    await ann.bringUp({ ...config, routing: false });
    expect(await json('route', 'show', 'dev', 'acme')).toEqual([]);
  });

  it('routes the network also where the address has a longer prefix', async () => {
    await ann.bringUp({ ...config, address: RecordedCidr.parse('10.42.1.1/32') });
    const route = await json('route', 'show', 'dev', 'acme');
    expect(route).toEqual([expect.objectContaining({ dst: '10.42.0.0/16' })]);
  });

  it('leaves a device that outlives the process which made it', async () => {
    await ann.bringUp(config);
    await ann.quit();
    const again = remoteOn(host, driver.path);
    expect(await again.bringUp(config)).toMatchObject({ adopted: true });
    const [pid] = await implementations();
    const streams = ['0', '1', '2'].map((fd) => `/proc/${pid}/fd/${fd}`);
    for (const stream of streams) expect(await host.sure(['readlink', stream])).toBe('/dev/null\n');
    const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
    expect(environment.filter((entry) => /^(NODE|LOG_LEVEL|NOTIFY)/.test(entry))).toEqual([]);
  });
});

describe('an implementation that stays in the foreground', () => {
  it('outlives us too: its own session, none of our streams', async () => {
    const script = '#!/bin/sh\nexec wireguard-go -f "$1"\n';
    await host.sure(['tee', '/run/foreground'], { input: script });
    await host.sure(['chmod', '755', '/run/foreground']);
    await ann.setEnv('WG_USERSPACE_IMPLEMENTATION', '/run/foreground');
    await ann.bringUp(config);
    await ann.quit();
    const [pid] = await implementations();
    expect((await host.sure(['ps', '-o', 'sid=', pid!])).trim()).toBe(pid);
    for (const fd of ['0', '1', '2'])
      expect(await host.sure(['readlink', `/proc/${pid}/fd/${fd}`])).not.toMatch(/socket|pipe|tty|pts/);
    expect(await remoteOn(host, driver.path).bringUp(config)).toMatchObject({ adopted: true });
  });
});

describe('trouble has a name', () => {
  it('says what is missing, or in the way', async () => {
    await expect(ann.bringUp({ ...config, backend: 'kernel' })).rejects.toMatchObject({
      message: 'this kernel has no WireGuard',
      hint: expect.stringContaining('--backend userspace'),
    });
    await ann.setEnv('WG_USERSPACE_IMPLEMENTATION', 'no-such-program');
    await expect(ann.bringUp(config)).rejects.toThrow('the program no-such-program is missing');
    await ann.setEnv('WG_USERSPACE_IMPLEMENTATION', '/bin/false');
    await expect(ann.bringUp(config)).rejects.toThrow('/bin/false could not make acme');
    await host.sure(['tee', '/run/silent'], { input: '#!/bin/sh\nexec sleep 600\n' });
    await host.sure(['chmod', '755', '/run/silent']);
    await ann.setEnv('WG_USERSPACE_IMPLEMENTATION', '/run/silent');
    await expect(ann.startUserspace(acme, 100)).rejects.toThrow('started for acme and does not answer');
    await ann.setEnv('WG_USERSPACE_IMPLEMENTATION', undefined);
    await host.sure(['ip', 'link', 'add', 'acme', 'type', 'veth', 'peer', 'name', 'other']);
    await expect(ann.bringUp(config)).rejects.toThrow(
      'there is a network interface acme that is no WireGuard',
    );
    await expect(ann.takeDown(acme)).rejects.toThrow('no WireGuard');
  });

  it('asks for root', async () => {
    const alone = await lab.host('user');
    const { node, copies } = await nobodyOn(alone, driver.path);
    const script = `
      process.send = (reply) => { console.log(JSON.stringify(reply)); process.exit(); };
      await import(${JSON.stringify(copies[0])});
      process.emit('message', ${JSON.stringify({ id: 1, call: 'bringUp', args: [config] })});
    `;
    const reply = JSON.parse(await alone.sure([...node, '--input-type=module', '-e', script]));
    expect(reply.error).toMatchObject({ name: 'Failure', hint: 'run it as root, with sudo' });
  });

  it('needs /dev/net/tun', async () => {
    await host.sure(['mount', '-t', 'tmpfs', 'lab', '/dev/net']);
    await expect(ann.bringUp(config)).rejects.toThrow('there is no /dev/net/tun on this machine');
  });
});

describe.each<Backend>(['userspace', 'kernel'])('the %s backend, on a wireguard-go device', (backend) => {
  it('applies a plan after which there is nothing to do, with thousands of peers', async () => {
    const { state } = await ann.bringUp(config);
    const keys = newKey();
    const wants = { keys, listenPort: 51820, peers: Array.from({ length: 2500 }, (_, i) => peerNumber(i)) };
    const first = plan(state, wants, { network, now: Date.now() });
    const sent = first.steps.map((step) =>
      step.kind === 'privateKey' ? { ...step, privateKey: step.privateKey.reveal() } : step,
    );
    await ann.apply(acme, sent, backend);
    const after = await ann.read(acme, backend);
    expect(after.publicKey).toBe(keys.publicKey);
    expect(after.peers.size).toBe(2500);
    expect(plan(after, wants, { network, now: Date.now() }).steps).toEqual([]);
    const fewer = { ...wants, peers: wants.peers.slice(0, 3) };
    const second = plan(after, fewer, { network, now: Date.now() }).steps;
    expect(second).toHaveLength(2497);
    await ann.apply(acme, second as never, backend);
    expect([...(await ann.read(acme, backend)).peers.keys()].sort()).toEqual(
      fewer.peers.map(({ publicKey }) => publicKey).sort(),
    );
  });

  it('changes one thing and leaves the others; moves an address; re-creates', async () => {
    await ann.bringUp(config);
    const [one, other] = [peerNumber(1), peerNumber(2)];
    await ann.apply(
      acme,
      [
        { kind: 'set', ...one },
        { kind: 'set', ...other },
      ],
      backend,
    );
    await ann.apply(acme, [{ kind: 'set', publicKey: one.publicKey, keepalive: 7 }], backend);
    await ann.apply(acme, [{ kind: 'set', publicKey: one.publicKey, allowedIps: other.allowedIps }], backend);
    const { peers } = await ann.read(acme, backend);
    expect(peers.get(one.publicKey)).toMatchObject({
      endpoint: one.endpoint,
      keepalive: 7,
      allowedIps: other.allowedIps,
    });
    expect(peers.get(other.publicKey)).toMatchObject({ endpoint: other.endpoint, allowedIps: [] });
    await ann.apply(acme, [{ kind: 'set', publicKey: one.publicKey, allowedIps: [] }], backend);
    await ann.apply(
      acme,
      [{ kind: 'recreate', publicKey: other.publicKey, allowedIps: other.allowedIps }],
      backend,
    );
    const again = (await ann.read(acme, backend)).peers;
    expect(again.get(one.publicKey)?.allowedIps).toEqual([]);
    expect(again.get(other.publicKey)).toMatchObject({
      endpoint: undefined,
      keepalive: 0,
      allowedIps: other.allowedIps,
    });
  });

  it('says which port is taken, and that a device is gone', async () => {
    await ann.bringUp(config);
    await squat(host, 51820);
    const change = ann.apply(acme, [{ kind: 'listenPort', listenPort: 51820 }], backend);
    await expect(change).rejects.toMatchObject({
      name: 'Failure',
      message: 'UDP port 51820 is in use by another program',
    });
    expect(await ann.takeDown(acme)).toBe(true);
    await expect(ann.read(acme, backend)).rejects.toMatchObject({ name: 'Failure' });
    expect(await ann.takeDown(acme)).toBe(false);
    expect(await ann.open(acme)).toBeUndefined();
    expect(await ann.bringUp(config)).toMatchObject({ adopted: false });
  });
});

describe('an IPv6 network over a userspace device', () => {
  it('carries traffic', async () => {
    const ryo = await lab.host('ryo');
    const remotes = [ann, remoteOn(ryo, driver.path)];
    const hosts = [host, ryo];
    const keys = [newKey(), newKey()];
    for (const [i, remote] of remotes.entries()) {
      await remote.bringUp({ ...v6, address: RecordedCidr.parse(`fd42::1:${i + 1}/48`) });
      const peer: PeerConfig = {
        publicKey: keys[1 - i]!.publicKey,
        allowedIps: [Cidr.parse(`fd42::1:${2 - i}/128`)],
        endpoint: SocketAddress.parse(`[${hosts[1 - i]!.address6}]:51820`),
      };
      await remote.apply(acme, [
        { kind: 'privateKey', privateKey: keys[i]!.privateKey.reveal() },
        { kind: 'listenPort', listenPort: 51820 },
        { kind: 'set', ...peer },
      ]);
    }
    // A device that does not listen yet loses the first initiation; WireGuard repeats it after five seconds.
    await host.sure(['ping', '-n', '-c', '1', '-W', '15', 'fd42::1:2']);
    await ryo.sure(['ping', '-n', '-c', '1', '-W', '15', 'fd42::1:1']);
  });
});

describe('what else the machine has', () => {
  it('lists routes that overlap, and local addresses', async () => {
    await ann.bringUp(config);
    const lan = Cidr.parse('203.0.113.0/28');
    expect(await ann.routesOverlapping(lan)).toEqual([{ cidr: '203.0.113.0/24', device: 'eth0' }]);
    expect(await ann.routesOverlapping(network)).toEqual([{ cidr: network, device: 'acme' }]);
    expect(await ann.routesOverlapping(network, acme)).toEqual([]);
    expect(await ann.routesOverlapping(Cidr.parse('2001:db8::/48'))).toEqual([
      { cidr: '2001:db8::/64', device: 'eth0' },
    ]);
    const addresses = await ann.localAddresses(acme);
    expect(addresses).toContainEqual({ device: 'eth0', ip: host.address as Ip });
    expect(addresses.map(({ device }) => device)).not.toContain('lo');
    expect(addresses.map(({ device }) => device)).not.toContain('acme');
  });
});
