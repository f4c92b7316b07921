// What moves under a running daemon behind a router: the server by its name, the server by its network, a router's port.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { join, meet, type Peer } from '../e2e/meeting.ts';
import { type Host, reaches, reportOf, SmallNetwork, until } from '../e2e/small-network.ts';
import type { Router } from '../lab.ts';

const PATIENCE = 120;
/** A daemon that waits for a second ping of the server in vain takes longer. */
const SOONER = 40;

let network: SmallNetwork;
let ann: Peer;
let home: Router;
beforeEach(async () => {
  network = await SmallNetwork.create();
  home = await network.lab.router('home');
  ann = await join(network, 'ann', { behind: home });
});
afterEach(() => network.close());

/** Waits until the daemon speaks with the server at that address. */
const found = async (what: string, address: string): Promise<void> => {
  const start = performance.now();
  const isThere = async () => (await reportOf(ann.host)).isConnected && (await servedAt()) === address;
  await until(what, isThere, SOONER);
  console.log(`${what}: ${Math.round(performance.now() - start)} ms`);
  expect(await reaches(ann.host, '10.42.0.1', 2)).toBe(true);
};

/** Where the device has the server. */
const servedAt = async (): Promise<string | undefined> =>
  /(\d+\.\d+\.\d+\.\d+):51820/.exec(await ann.host.sure(['wg', 'show', 'acme', 'endpoints']))?.[1];

const named = (host: Host, address: string) =>
  host.sure([
    'sh',
    '-c',
    `sed -i /vpn.example.org/d /etc/hosts; echo ${address} vpn.example.org >>/etc/hosts`,
  ]);

const conf = '/etc/innernet/acme.conf';
const knows = (what: string): Promise<void> =>
  until(`ann knows ${what}`, async () => {
    const kept = await ann.host.exec(['sh', '-c', 'cat /var/lib/innernet/acme.*']);
    return kept.stdout.includes(what);
  });

it('a server whose name leads to another address is found by it', async () => {
  await named(ann.host, network.server.address);
  await network.admin('set-endpoint', 'acme', '--endpoint', 'vpn.example.org:51820');
  await knows('vpn.example.org:51820');
  await network.lab.move(network.server);
  await named(ann.host, network.server.address);
  await found('the name leads elsewhere', network.server.address);
  expect(await ann.host.sure(['cat', conf])).toContain('external-endpoint = "vpn.example.org:51820"');
});

it('a server that said so before is found at its other address, and the conf follows', async () => {
  const [old, next] = [network.server.address, '203.0.113.99'];
  await network.server.sure(['ip', 'address', 'add', `${next}/24`, 'dev', 'eth0']);
  await network.admin('set-endpoint', 'acme', '--endpoint', `${next}:51820`);
  await knows(`${next}:51820`);
  const swap = `ip address del ${old}/24 dev eth0; ip address replace ${next}/24 dev eth0`;
  await network.server.sure(['sh', '-c', swap]);
  await found('the server has moved', next);
  expect(await ann.host.sure(['cat', conf])).toContain(`external-endpoint = "${next}:51820"`);
});

it('a router that gives another port is followed by the others', async () => {
  const ryo = await join(network, 'ryo', { behind: await network.lab.router('office') });
  await meet('before', [ann, ryo]);
  const rules =
    'flush chain ip nat post; add rule ip nat post oifname eth0 meta l4proto udp masquerade to :40000-40010';
  await home.sure(['nft', rules]);
  // Masquerading forgets what goes out from an address that is taken away.
  await home.sure([
    'sh',
    '-c',
    `ip address del ${home.address}/24 dev eth0; ip address add ${home.address}/24 dev eth0`,
  ]);
  await meet('another port', [ann, ryo], undefined, PATIENCE);
  expect(await ryo.host.sure(['wg', 'show', 'acme', 'endpoints'])).toMatch(new RegExp(`${home.address}:400`));
  await meet('the other way', [ryo, ann]);
});
