// The smallest blocks that there are, in both families, and a server that is reached over IPv6 alone or by a name.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Lab } from '../lab.ts';
import { CLIENT, type Host, reaches, SERVER, until } from './small-network.ts';

const folder = mkdtempSync(join(tmpdir(), 'innernet-edges-'));
let lab: Lab;
let server: Host;

beforeEach(async () => {
  lab = await Lab.create();
  server = await lab.host('server');
});
afterEach(() => lab.close());
afterAll(() => rmSync(folder, { recursive: true }));

const serve = async (range: string, endpoint: string): Promise<void> => {
  await server.sure([
    ...[...SERVER, 'new', '--network-name', 'acme', '--network-cidr', range, '--yes'],
    ...['--external-endpoint', endpoint, '--listen-port', '51820'],
  ]);
  await server.spawn([...SERVER, 'serve', 'acme']).line(/listening/);
};

const addCidr = (name: string, cidr: string): Promise<string> =>
  server.sure([...SERVER, 'add-cidr', 'acme', '--name', name, '--cidr', cidr, '--yes']);

/** Invites a peer and lets it join. */
const enter = async (name: string, cidr: string, prepare = async (_host: Host) => {}): Promise<Host> => {
  const file = join(folder, `${name}.toml`);
  await server.sure([
    ...[...SERVER, 'add-peer', 'acme', '--name', name, '--cidr', cidr, '--auto-ip'],
    ...['--admin', 'false', '--save-config', file, '--yes'],
  ]);
  const host = await lab.host(name);
  await prepare(host);
  await host.sure([...CLIENT, 'install', '--default-name', '--delete-invite', file], { timeout: 60_000 });
  return host;
};

describe.each([
  ['IPv4', '10.42.0.0/16', ['10.42.7.7/32', '10.42.7.8/31'], ['10.42.7.7', '10.42.7.8', '10.42.7.9']],
  ['IPv6', 'fd42::/48', ['fd42::7:7/128', 'fd42::7:8/127'], ['fd42::7:7', 'fd42::7:8', 'fd42::7:9']],
])('blocks of one and of two addresses, %s', (family, range, [one = '', two = ''], addresses) => {
  it('have peers that reach the server and each other', async () => {
    const endpoint = family === 'IPv4' ? `${server.address}:51820` : `[${server.address6}]:51820`;
    await serve(range, endpoint);
    await addCidr('one', one);
    await addCidr('two', two);
    const solo = await enter('solo', 'one');
    const [left, right] = [await enter('left', 'two'), await enter('right', 'two')];
    for (const host of [solo, left, right])
      expect(await reaches(host, family === 'IPv4' ? '10.42.0.1' : 'fd42::1'), host.name).toBe(true);
    const full = await server.exec([
      ...[...SERVER, 'add-peer', 'acme', '--name', 'more', '--cidr', 'one', '--auto-ip'],
      ...['--admin', 'false', '--save-config', join(folder, 'more.toml'), '--yes'],
    ]);
    expect([full.code, full.stderr]).toEqual([1, expect.stringContaining('no address is free')]);
    for (const host of [left, right]) await host.sure([...CLIENT, 'up', 'acme']);
    await until('left reaches right', () => reaches(left, addresses[2] ?? ''));
    expect(await reaches(right, addresses[1] ?? '')).toBe(true);
  });
});

describe('a server behind a name', () => {
  it.each<[string, (server: Host) => string[]]>([
    ['with both families, one of them dead', ({ address }) => ['2001:db8::dead', address]],
    ['with IPv6 alone', ({ address6 }) => [address6 ?? '']],
  ])('%s', async (_, addressesOf) => {
    await serve('10.42.0.0/16', 'vpn.example.org:51820');
    await addCidr('humans', '10.42.1.0/24');
    const lines = addressesOf(server).map((ip) => `${ip} vpn.example.org\n`);
    const ann = await enter('ann', 'humans', async (host) => {
      await host.sure(['sh', '-c', 'cat >> /etc/hosts'], { input: lines.join('') });
    });
    expect(await reaches(ann, '10.42.0.1')).toBe(true);
  });
});
