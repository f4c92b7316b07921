// How often names are looked up: the server's when it is not known where it is, a peer's once in five minutes, no other.
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Running } from '../lab.ts';
import { CLIENT, follow, type Host, reportOf, SmallNetwork, until } from './small-network.ts';

const SERVER_NAME = 'vpn.example.test';
const PEER_NAME = 'beacon.example.test';

let network: SmallNetwork;
let ann: Host;
let bob: Host;
let resolver: Running;

const asked = (name: string): number => resolver.lines.filter((line) => line === `asked ${name}`).length;

/** How often a name was asked for while something was done. */
const during = async (name: string, act: () => Promise<unknown>): Promise<number> => {
  const before = asked(name);
  await act();
  return asked(name) - before;
};

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  const host = await network.lab.host('resolver');
  const program = fileURLToPath(new URL('../lab/dns.js', import.meta.url));
  const names = [`${SERVER_NAME}=${network.server.address}`, `${PEER_NAME}=${bob.address}`];
  resolver = host.spawn([process.execPath, program, ...names]);
  await resolver.line(/ready/);
  await ann.sure(['tee', '/etc/resolv.conf'], { input: `nameserver ${host.address}\noptions timeout:1\n` });
  const named = `s/^external-endpoint = .*/external-endpoint = "${SERVER_NAME}:51820"/`;
  await ann.sure(['sed', '-i', named, '/etc/innernet/acme.conf']);
});
afterAll(() => network.close());

it('up asks for the server where it is not known, and once', async () => {
  await ann.sure([...CLIENT, 'down', 'acme']);
  expect(await during(SERVER_NAME, () => ann.sure([...CLIENT, 'up', 'acme']))).toBe(1);
});

it.each([['list-cidrs'], ['show'], ['fetch'], ['history']])('%s asks for nothing', async (verb) => {
  const before = resolver.lines.length;
  await ann.sure([...CLIENT, verb, 'acme']);
  expect(resolver.lines.slice(before)).toEqual([]);
});

it('a daemon asks for a peer by the name that it gives itself: once, whatever it does and however long it is gone', async () => {
  await bob.sure([...CLIENT, 'set-listen-port', 'acme', '--listen-port', '51820', '--yes']);
  await bob.sure([...CLIENT, 'override-endpoint', 'acme', '-e', `${PEER_NAME}:9`, '--yes']);
  await bob.sure([...CLIENT, 'down', 'acme']);
  const daemon = await follow(ann);
  await until('the name was looked up', async () => asked(PEER_NAME) > 0);
  for (const [from, to] of [
    ['bob', 'rob'],
    ['rob', 'bob'],
  ] as const) {
    await network.admin('rename-peer', 'acme', '--name', from, '--new-name', to);
    await until('ann knows', async () => (await reportOf(ann)).peers.some(({ name }) => name === to));
  }
  await sleep(12_000); // two rounds of tries to meet the peer, each of which asked before
  expect([asked(PEER_NAME), asked(SERVER_NAME)]).toEqual([
    1,
    expect.toSatisfy((times: number) => times <= 2),
  ]);
  await daemon.stop('SIGTERM');
}, 120_000);
