// R26: networks that have addresses of each other on one machine. Nobody is brought into one unawares, and who joins all the
// same loses nothing of what there was: neither peers nor commands of the first network ever go to the second.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLIENT, type Host, reaches, reportOf, SERVER, SmallNetwork } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bob: Host;
let evil: Host;

/** A network of the evil host's, and an invitation for ann. */
const invite = async (name: string, range: string, port: number): Promise<string> => {
  const file = `/run/${name}.toml`;
  await evil.sure([
    ...[...SERVER, 'new', '--no-relay', '--network-name', name, '--network-cidr', range],
    ...['--external-endpoint', `${evil.address}:${port}`, '--listen-port', `${port}`],
  ]);
  await evil.spawn([...SERVER, 'serve', name]).line(/listening/);
  const cidr = range.replace(/0\/\d+$/, '64/26');
  await evil.sure([...SERVER, 'add-cidr', name, '--name', 'all', '--cidr', cidr, '--yes']);
  await evil.sure([
    ...[...SERVER, 'add-peer', name, '--name', 'ann', '--cidr', 'all', '--auto-ip', '--admin', 'true'],
    ...['--save-config', file, '--yes'],
  ]);
  await ann.sure(['tee', file], { input: await evil.sure(['cat', file]) });
  return file;
};

const install = (file: string, ...flags: string[]) => ann.exec([...CLIENT, 'install', file, ...flags]);

beforeAll(async () => {
  network = await SmallNetwork.create();
  await network.invite('nobody'); // whose address is that of the evil server
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  await bob.spawn([...CLIENT, 'up', '--daemon', 'acme']).line(/up at/);
  evil = await network.lab.host('evil');
});
afterAll(() => network.close());

it.each([
  ['narrow', '10.42.1.0/24', 51_821],
  ['wide', '10.0.0.0/8', 51_822],
])('install refuses the network %s, %s, also while ours is down', async (name, range, port) => {
  const file = await invite(name, range, port);
  const refusal = expect.stringMatching(
    new RegExp(
      `range ${range} overlaps the network acme \\(10\\.42\\.0\\.0/16\\) of this machine\\n.*--allow-overlap`,
    ),
  );
  const up = await install(file);
  await ann.sure([...CLIENT, 'down', 'acme']);
  const [down, dry] = [await install(file), await install(file, '--dry-run')];
  for (const { code, stderr } of [up, down, dry]) expect([code, stderr]).toEqual([1, refusal]);
  expect((await ann.exec(['ls', `/etc/innernet/${name}.conf`])).code).not.toBe(0);
  await ann.sure([...CLIENT, 'up', 'acme']);
});

it('who joins all the same loses nothing of the first network, whichever is brought up first', async () => {
  await evil.sure(['nft', '-f', '-'], {
    input: `table inet tap { chain seen { type filter hook prerouting priority -300;
      iifname "narrow" ip daddr { 10.42.0.1, 10.42.1.3 } counter
    }; }`,
  });
  await evil.sure(['ip', 'address', 'add', '10.42.1.3/32', 'dev', 'lo']);
  const joined = await install('/run/narrow.toml', '--allow-overlap');
  expect([joined.code, joined.stderr]).toEqual([
    0,
    expect.stringContaining("warning: the network's range overlaps"),
  ]);
  for (const order of [[], ['narrow', 'acme'], ['acme', 'narrow']]) {
    for (const name of order) await ann.exec([...CLIENT, 'down', name]);
    for (const name of order) await ann.exec([...CLIENT, 'up', name]);
    expect(await reaches(ann, '10.42.1.3', 5)).toBe(true);
    expect(await ann.sure(['ip', 'route', 'get', '10.42.1.3'])).toContain('dev acme');
    await ann.sure([...CLIENT, 'fetch', 'acme']);
  }
  expect(await evil.sure(['nft', 'list', 'table', 'inet', 'tap'])).toContain('counter packets 0 ');
  expect((await reportOf(ann)).peers.map(({ name }) => name).sort()).toEqual([
    'ann',
    'bob',
    'innernet-server',
  ]);
  expect(await ann.sure([...CLIENT, 'show', 'acme'])).toContain('ALARM: the route 10.42.1.0/24 of narrow');
  await ann.sure([...CLIENT, 'uninstall', 'narrow', '--yes']);
  expect(await ann.sure(['ip', 'rule'])).not.toContain('51:');
});

it.each([
  ['a route of another device', 'ip route add 10.77.8.0/24 dev eth0', 'the route 10.77.8.0/24 of eth0'],
  [
    'a route in another table',
    'ip route add 10.77.0.0/16 dev eth0 table 52',
    'the route 10.77.0.0/16 of eth0',
  ],
  ['an address', 'ip address add 10.77.0.9/8 dev eth0', 'the address 10.77.0.9/32 of eth0'],
  [
    'a wider WireGuard',
    'wireguard-go wg0; ip address add 10.9.9.9/8 dev wg0; ip link set wg0 up',
    'the route 10.0.0.0/8 of wg0',
  ],
])('install refuses %s in the range', async (_what, harm, words) => {
  if (!(await evil.exec(['ls', '/etc/innernet-server/plain.conf'])).stdout)
    await invite('plain', '10.77.0.0/16', 51_824);
  await ann.sure(['sh', '-c', harm]);
  const { code, stderr } = await install('/run/plain.toml');
  expect([code, stderr]).toEqual([1, expect.stringContaining(`range 10.77.0.0/16 overlaps ${words}`)]);
  const undo =
    'ip route del 10.77.8.0/24; ip route flush table 52; ip address del 10.77.0.9/8 dev eth0; ip link del wg0';
  await ann.exec(['sh', '-c', undo]);
});

it('a wider route of another device is only told of', async () => {
  await ann.sure(['ip', 'route', 'add', '10.64.0.0/11', 'dev', 'eth0']);
  const { code, stderr } = await install('/run/plain.toml');
  expect([code, stderr]).toEqual([0, expect.stringContaining('overlaps the route 10.64.0.0/11 of eth0')]);
});
