// One machine in two networks of the same name, and one that serves two: what is wrong with one leaves the other alone.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLIENT, type Host, reaches, SERVER, SmallNetwork } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let other: Host;

const NEW = ['new', '--no-relay', '--external-endpoint', 'vpn.example.org:51820', '--network-cidr'];

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  other = await network.lab.host('other');
  const [name, cidr, invitation] = ['acme', 'fd42::/48', '/run/ann.toml'];
  await other.sure([
    ...[...SERVER, 'new', '--no-relay', '--network-name', name, '--network-cidr', cidr],
    ...['--external-endpoint', `[${other.address6}]:51820`],
  ]);
  await other.spawn([...SERVER, 'serve', name]).line(/listening/);
  await other.sure([...SERVER, 'add-cidr', name, '--name', 'humans', '--cidr', 'fd42:0:0:1::/64', '--yes']);
  await other.sure([
    ...[...SERVER, 'add-peer', name, '--name', 'ann', '--cidr', 'humans', '--auto-ip', '--admin', 'true'],
    ...['--save-config', invitation, '--yes'],
  ]);
  await ann.sure(['tee', invitation], { input: await other.sure(['cat', invitation]) });
  await ann.sure([...CLIENT, 'install', invitation, '--name', 'six']);
});
afterAll(() => network.close());

it('a machine is in both, each by its own name', async () => {
  expect(await reaches(ann, '10.42.0.1')).toBe(true);
  expect(await reaches(ann, 'fd42::1')).toBe(true);
  const hosts = await ann.sure(['cat', '/etc/hosts']);
  expect(hosts).toContain('10.42.0.1 innernet-server.acme.wg');
  expect(hosts).toContain('fd42::1 innernet-server.six.wg');
  await ann.sure([...CLIENT, 'add-cidr', 'six', '--name', 'labs', '--cidr', 'fd42:0:0:2::/64', '--yes']);
  expect(await ann.sure([...CLIENT, 'show'])).toMatch(/network: acme[\s\S]*\n\nnetwork: six/);
});

it('a conf that cannot be read keeps nobody from seeing and using the other network', async () => {
  const conf = '/etc/innernet/acme.conf';
  const good = await ann.sure(['cat', conf]);
  await ann.sure(['tee', conf], { input: 'nonsense' });
  const shown = await ann.exec([...CLIENT, 'show']);
  expect([shown.code, shown.stdout, shown.stderr]).toEqual([
    1,
    expect.stringContaining('network: six'),
    expect.stringMatching(/error: .*acme\.conf[\s\S]*hint: /),
  ]);
  const up = await ann.exec([...CLIENT, 'up', 'six', 'nope', 'acme']);
  expect(up.code).toBe(1);
  expect(up.stderr.match(/^innernet: error: /gm)).toHaveLength(2);
  expect(up.stderr.match(/^innernet: hint: /gm)).toHaveLength(2);
  await ann.sure(['tee', conf], { input: good });
});

it('a second server whose port is taken leaves no device behind', async () => {
  const taken = ['--network-name', 'beta', '--listen-port', '51820'];
  await network.server.sure([...SERVER, ...NEW, '10.43.0.0/16', ...taken]);
  const { code, stderr } = await network.server.exec([...SERVER, 'serve', 'beta']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('UDP port 51820 is in use by another program')]);
  expect((await network.server.exec(['ip', 'link', 'show', 'beta'])).code).not.toBe(0);
  expect(await reaches(ann, '10.42.0.1')).toBe(true);
});
