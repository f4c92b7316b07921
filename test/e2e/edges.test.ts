// The smallest blocks that there are, in both families, and a server behind a name: with IPv6 alone, or with a dead address.
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
    ...[...SERVER, 'new', '--no-relay', '--network-name', 'acme', '--network-cidr', range, '--yes'],
    ...['--external-endpoint', endpoint, '--listen-port', '51820'],
  ]);
  await server.spawn([...SERVER, 'serve', 'acme']).line(/listening/);
};

const addCidr = (name: string, cidr: string): Promise<string> =>
  server.sure([...SERVER, 'add-cidr', 'acme', '--name', name, '--cidr', cidr, '--yes']);

/** Invites a peer and lets it join, with these lines in its hosts file. */
const enter = async (name: string, cidr: string, hosts: readonly string[]): Promise<Host> => {
  const file = join(folder, `${name}.toml`);
  await server.sure([
    ...[...SERVER, 'add-peer', 'acme', '--name', name, '--cidr', cidr, '--auto-ip'],
    ...['--admin', 'false', '--save-config', file, '--yes'],
  ]);
  const host = await lab.host(name);
  await host.sure(['sh', '-c', 'cat >> /etc/hosts'], { input: hosts.join('') });
  await host.sure([...CLIENT, 'install', '--default-name', '--delete-invite', file], { timeout: 60_000 });
  return host;
};

describe.each([
  {
    ...{ family: 'IPv4', range: '10.42.0.0/16', api: '10.42.0.1' },
    ...{ one: '10.42.7.7/32', two: '10.42.7.8/31', left: '10.42.7.8', right: '10.42.7.9' },
    ...{
      way: 'with both families, one of them dead',
      led: ({ address }: Host) => ['2001:db8::dead', address],
    },
  },
  {
    ...{ family: 'IPv6', range: 'fd42::/48', api: 'fd42::1' },
    ...{ one: 'fd42::7:7/128', two: 'fd42::7:8/127', left: 'fd42::7:8', right: 'fd42::7:9' },
    ...{ way: 'with IPv6 alone', led: ({ address6 = '' }: Host) => [address6] },
  },
])('blocks of one and of two addresses, $family', ({ range, api, one, two, left, right, way, led }) => {
  it(`have peers that reach the server, by a name ${way}, and each other`, async () => {
    await serve(range, 'vpn.example.org:51820');
    await addCidr('one', one);
    await addCidr('two', two);
    const names = led(server).map((ip) => `${ip} vpn.example.org\n`);
    const solo = await enter('solo', 'one', names);
    const [first, second] = [await enter('left', 'two', names), await enter('right', 'two', names)];
    for (const host of [solo, first, second]) expect(await reaches(host, api), host.name).toBe(true);
    const full = await server.exec([
      ...[...SERVER, 'add-peer', 'acme', '--name', 'more', '--cidr', 'one', '--auto-ip'],
      ...['--admin', 'false', '--save-config', join(folder, 'more.toml'), '--yes'],
    ]);
    expect([full.code, full.stderr]).toEqual([1, expect.stringContaining('no address is free')]);
    for (const host of [first, second]) await host.sure([...CLIENT, 'up', 'acme']);
    await until('left reaches right', () => reaches(first, right));
    expect(await reaches(second, left)).toBe(true);
  });
});
