// The lab itself: hosts are apart from each other and from the machine, delays and routers do what they say.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { until } from '../lab/until.ts';
import { type Host, Lab } from '../lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create();
});
afterEach(() => lab.close());

/** Round trip of one ping in milliseconds. */
const ping = async (from: Host, address: string): Promise<number> => {
  const answer = await from.sure(['ping', '-n', '-c', '2', '-i', '0.2', '-W', '2', address]);
  return Number(/icmp_seq=2 .*time=([\d.]+)/.exec(answer)?.[1]);
};

const keyPair = async (host: Host) => {
  const privateKey = await host.sure(['wg', 'genkey']);
  return { privateKey, publicKey: (await host.sure(['wg', 'pubkey'], { input: privateKey })).trim() };
};

/** A WireGuard device made by hand, as a person would: 10.42.0.N on each host, each the other's peer. */
const tunnel = async (one: Host, other: Host, name = 'acme'): Promise<void> => {
  const hosts = [one, other];
  const keys = await Promise.all(hosts.map(keyPair));
  for (const [index, host] of hosts.entries()) {
    const peer = 1 - index;
    await host.sure(['wireguard-go', name]);
    const input = keys[index]!.privateKey;
    await host.sure(['wg', 'set', name, 'listen-port', '51820', 'private-key', '/dev/stdin'], { input });
    const wanted = ['allowed-ips', `10.42.0.${peer + 1}/32`, 'endpoint', `${hosts[peer]!.address}:51820`];
    await host.sure(['wg', 'set', name, 'peer', keys[peer]!.publicKey, ...wanted]);
    await host.sure(['ip', 'addr', 'add', `10.42.0.${index + 1}/16`, 'dev', name]);
    await host.sure(['ip', 'link', 'set', 'up', 'dev', name]);
  }
};

/** Processes that live in a network namespace, by the name that its link has. */
const inhabitants = (network: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/net`) === network;
    } catch {
      return false; // not a process, or gone
    }
  });

describe('the lab', () => {
  it('gives each host its own network, /run, /etc, /var/lib and hosts file', async () => {
    const [ann, ryo] = [await lab.host('ann'), await lab.host('ryo')];
    for (const place of ['/run', '/etc', '/var/lib']) {
      await ann.sure(['mkdir', '-p', `${place}/innernet`]);
      await ann.sure(['touch', `${place}/innernet/acme`]);
      expect((await ryo.exec(['test', '-e', `${place}/innernet/acme`])).code).toBe(1);
      expect(existsSync(`${place}/innernet/acme`)).toBe(false);
    }
    await ann.sure(['cp', '/etc/hostname', '/etc/hosts']);
    expect(await ryo.sure(['cat', '/etc/hosts'])).toContain('127.0.1.1 ryo');
    expect(await ping(ann, ryo.address)).toBeGreaterThan(0);
    expect(await ping(ann, ryo.address6!)).toBeGreaterThan(0);
  });

  it('lets two userspace WireGuard devices of the same name meet', async () => {
    const [ann, ryo] = [await lab.host('ann'), await lab.host('ryo')];
    await tunnel(ann, ryo);
    expect(await ping(ann, '10.42.0.2')).toBeGreaterThan(0);
    expect(await ping(ryo, '10.42.0.1')).toBeGreaterThan(0);
  });

  it('holds every frame of a delayed host back, and loses none', async () => {
    const [ann, ryo] = [await lab.host('ann', { delayMs: 20 }), await lab.host('ryo', { delayMs: 20 })];
    // No ping is faster than the delays; one of them is little slower, once the machine is free for a moment.
    await until('a ping takes as long as it is delayed', async () => {
      const milliseconds = await ping(ann, ryo.address);
      expect(milliseconds).toBeGreaterThanOrEqual(80);
      return milliseconds < 160;
    });
    expect(await ping(ryo, ann.address6!)).toBeGreaterThanOrEqual(80);
    const server =
      "require('net').createServer((s)=>{let n=0;s.on('data',(d)=>n+=d.length).on('end',()=>s.end(String(n)))}).listen(7000,'0.0.0.0',()=>console.log('listening'))";
    await ryo.spawn(['node', '-e', server]).line(/listening/);
    const client = `const s=require('net').connect({port:7000,host:'${ryo.address}',allowHalfOpen:true});s.end(Buffer.alloc(3e6));s.pipe(process.stdout)`;
    expect(await ann.sure(['node', '-e', client])).toBe('3000000');
  });

  it('has routers that hide a LAN and keep, or change, ports', async () => {
    const server = await lab.host('server');
    const echo =
      "require('dgram').createSocket('udp4').on('message',function(m,r){this.send(r.address+' '+r.port,r.port,r.address)}).bind(7000,()=>console.log('listening'))";
    await server.spawn(['node', '-e', echo]).line(/listening/);
    const ask = `const s=require('dgram').createSocket('udp4');s.bind(5555,()=>s.send('x',7000,'${server.address}'));s.on('message',(m)=>{console.log(String(m));process.exit()})`;
    const seen = async (ports: 'keep' | 'random') => {
      const router = await lab.router(ports, { ports });
      const host = await lab.host('ann', { behind: router });
      expect(host.address).toMatch(/^192\.168\./);
      const [address, port] = (await host.sure(['node', '-e', ask])).trim().split(' ');
      expect(address).toBe(router.address);
      return port;
    };
    expect(await seen('keep')).toBe('5555');
    expect(await seen('random')).not.toBe('5555');
  });

  it.each([
    ['drop', true],
    ['reject', true],
    ['accept', false],
  ] as const)(
    'has routers that %s what comes unasked; the inner port is then kept: %s',
    async (unsolicited, kept) => {
      const server = await lab.host('server');
      const router = await lab.router('home', { unsolicited });
      const ann = await lab.host('ann', { behind: router });
      const udp = (body: string) =>
        `const s = require('dgram').createSocket('udp4'); s.bind(5555, () => { ${body} })`;
      const knock = udp(`s.send('x', 5555, '${router.address}', () => process.exit())`);
      await server.sure(['node', '-e', knock]);
      const listen = udp(
        `console.log('listening'); s.on('message', (_, r) => console.log('from ' + r.port))`,
      );
      const listener = server.spawn(['node', '-e', listen]);
      await listener.line(/listening/);
      await ann.sure(['node', '-e', udp(`s.send('x', 5555, '${server.address}', () => process.exit())`)]);
      expect((await listener.line(/^from/)) === 'from 5555').toBe(kept);
    },
  );

  it('pulls a cable and moves a host', async () => {
    const [ann, ryo] = [await lab.host('ann'), await lab.host('ryo')];
    await lab.cable(ann, 'out');
    expect((await ann.exec(['ping', '-n', '-c', '1', '-W', '1', ryo.address])).code).not.toBe(0);
    await lab.cable(ann, 'in');
    expect(await ping(ann, ryo.address)).toBeGreaterThan(0);
    const before = ann.address;
    await lab.move(ann, await lab.router('home'));
    expect(ann.address).not.toBe(before);
    expect(await ping(ann, ryo.address)).toBeGreaterThan(0);
  });

  it('leaves nothing running, not even daemons, after close()', async () => {
    const ann = await lab.host('ann');
    await ann.sure(['wireguard-go', 'acme']);
    const network = readlinkSync(`/proc/${ann.pid}/ns/net`);
    expect(inhabitants(network).length).toBeGreaterThan(1);
    await lab.close();
    expect(inhabitants(network)).toEqual([]);
  });

  it('leaves nothing running when its process is killed', async () => {
    const story = `
      import { Lab } from './test/lab.ts';
      const ann = await (await Lab.create()).host('ann');
      await ann.sure(['wireguard-go', 'acme']);
      console.log(ann.pid);
      setInterval(() => {}, 1000);
    `;
    const built = await build({
      stdin: { contents: story, resolveDir: process.cwd(), loader: 'ts' },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'node',
    });
    const folder = mkdtempSync(join(tmpdir(), 'lab-'));
    const file = join(folder, 'story.mjs');
    writeFileSync(file, built.outputFiles[0]!.text);
    try {
      const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [pid] = await once(child.stdout, 'data');
      const network = readlinkSync(`/proc/${Number(pid)}/ns/net`);
      expect(inhabitants(network).length).toBeGreaterThan(1);
      child.kill('SIGKILL');
      await vi.waitFor(() => expect(inhabitants(network)).toEqual([]), { timeout: 10_000 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
