// R27: a peer that widens its own allowed-ips sends through the server whatever it likes; the server does not pass it on,
// also where the machine forwards and its own firewall lets everything through.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, reaches, SERVER, SmallNetwork, until } from './small-network.ts';

const BEHIND = '192.168.77.2';
const TABLE = ['nft', 'list', 'table', 'inet', 'innernet-acme'];

let network: SmallNetwork;
let server: Host;
let behind: Host;
let ann: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  server = network.server;
  behind = await network.lab.host('behind');
  ann = (await network.join('ann')).host;
  await server.sure([
    'ip',
    'link',
    'add',
    'lan0',
    'type',
    'veth',
    'peer',
    'name',
    'eth1',
    'netns',
    `${behind.pid}`,
  ]);
  await server.sure(['sh', '-c', 'ip address add 192.168.77.1/24 dev lan0; ip link set lan0 up']);
  const way = `ip address add ${BEHIND}/24 dev eth1; ip link set eth1 up; ip route add 10.42.0.0/16 via 192.168.77.1`;
  await behind.sure(['sh', '-c', way]);
  // A router, libvirt, Kubernetes: forwarding is on, and the chain FORWARD lets everything through.
  await server.sure(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  await server.sure(['nft', '-f', '-'], {
    input: 'table ip filter { chain FORWARD { type filter hook forward priority 0; policy accept; }; }\n',
  });
  const key = (await server.sure(['wg', 'show', 'acme', 'public-key'])).trim();
  await ann.sure(['wg', 'set', 'acme', 'peer', key, 'allowed-ips', `10.42.0.1/32,192.168.77.0/24`]);
  await ann.sure(['ip', 'route', 'add', '192.168.77.0/24', 'dev', 'acme']);
});
afterAll(() => network.close());

const restart = async (...flags: string[]): Promise<void> => {
  await network.stopServing('SIGTERM');
  await network.serve(...flags);
};

const stepOf = async (name: string): Promise<{ grade: string; found: string; hint?: string }> => {
  const { stdout } = await server.exec([...SERVER, 'doctor', 'acme', '--json']);
  return JSON.parse(stdout).find(({ step }: { step: string }) => step === name);
};

describe('R27: what lies behind the server', () => {
  it('is not reached by a peer', async () => {
    await restart(); // a machine that forwarded already when it began
    expect(await reaches(ann, BEHIND)).toBe(false);
    expect(await reaches(ann, '10.42.0.1')).toBe(true);
    const { grade, found } = await stepOf('forwarding');
    expect([grade, found]).toEqual(['ok', expect.stringMatching(/drops .*: [1-9]\d* packets? so far/)]);
  });

  it('may begin to speak with a peer, and is answered', async () => {
    await server.sure([
      'nft',
      'add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }; add rule ip nat post oifname "acme" masquerade',
    ]);
    expect(await reaches(behind, '10.42.1.1', 5)).toBe(true);
  });

  it('is reached where the operator has published it', async () => {
    await server.sure([
      'nft',
      'add chain ip nat pre { type nat hook prerouting priority -100; }; add rule ip nat pre iifname "acme" tcp dport 8080 dnat to 192.168.77.2:80',
    ]);
    const web = behind.spawn([
      process.execPath,
      '-e',
      `require('net').createServer((s) => s.end('hello')).listen(80, () => console.log('up'))`,
    ]);
    await web.line(/up/);
    const ask = `require('net').connect(8080, '10.42.0.1').on('data', (d) => console.log(String(d))).on('error', (e) => console.log(e.code))`;
    expect(await ann.sure([process.execPath, '-e', ask])).toBe('hello\n');
    await web.stop();
  });

  it('R71: is kept from peers again as soon as somebody has flushed all tables', async () => {
    await server.sure(['nft', 'flush', 'ruleset']);
    await until('the table is back', async () => (await server.exec(TABLE)).code === 0);
    expect(await reaches(ann, BEHIND)).toBe(false);
    await until('it is said', async () => network.said.some((line) => line.includes('is made again')));
    expect(await stepOf('forwarding')).toMatchObject({
      grade: 'warning',
      found: expect.stringContaining('1 time: it was made again'),
    });
    await network.stopServing('SIGTERM');
    await restart();
    expect((await stepOf('forwarding')).grade, 'it counts since the server runs').toBe('ok');
  });

  it('is reached while the table is gone, and doctor says so', async () => {
    await network.stopServing('SIGTERM');
    await server.sure(['nft', 'flush', 'ruleset']);
    expect(await reaches(ann, BEHIND)).toBe(true);
    expect((await stepOf('forwarding')).grade).toBe('failed');
    await restart();
  });

  it('stays closed while no server runs, and is reached where that is wanted', async () => {
    await network.stopServing('SIGKILL');
    expect(await reaches(ann, BEHIND)).toBe(false);
    await network.serve('--allow-forwarding');
    expect(await reaches(ann, BEHIND)).toBe(true);
    expect((await server.exec(TABLE)).code).not.toBe(0);
    await restart();
    expect(await reaches(ann, BEHIND)).toBe(false);
  });

  it('without nft the server serves, and says once what is open', async () => {
    await server.sure(['nft', 'flush', 'ruleset']);
    await server.sure(['mount', '--bind', '/dev/null', '/usr/sbin/nft']);
    await restart();
    expect(
      network.said.filter((line) => /nft.*peers of acme reach what lies behind it/.test(line)),
    ).toHaveLength(1);
    const { grade, hint } = await stepOf('forwarding');
    expect([grade, hint]).toEqual(['failed', expect.stringContaining('nftables')]);
    await server.sure(['umount', '/usr/sbin/nft']);
  });

  it('uninstall leaves nothing of ours', async () => {
    await restart();
    expect((await server.exec(TABLE)).code).toBe(0);
    await network.stopServing('SIGTERM');
    expect(await server.sure([...SERVER, 'uninstall', 'acme', '--dry-run'])).toContain(
      'remove the table innernet-acme',
    );
    await server.sure([...SERVER, 'uninstall', 'acme', '--yes']);
    expect(await server.sure(['nft', 'list', 'ruleset'])).not.toContain('innernet');
  });
});
