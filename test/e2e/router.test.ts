// A LAN behind a peer's machine: offered there, given by the log, reached by those to whom it is open; and all put back. R77.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lanBehind } from '../lab/lan.ts';
import type { Running } from '../lab/running.ts';
import { CLIENT, follow, type Host, reaches, SmallNetwork, until } from './small-network.ts';

const LAN = '192.168.72.0/24';
const HOST = '192.168.72.2';

let network: SmallNetwork;
let press: Host;
let ann: Host;
let lan: Host;
let daemon: Running;
let annsDaemon: Running;
let before: string;

/** All that a router may change on its machine; an interface's own link-local address comes late. */
const tracesOf = (host: Host): Promise<string> =>
  host.sure([
    'sh',
    '-c',
    `nft list ruleset; ip rule; ip -6 rule; (ip route show table all; ip -6 route show table all) | grep -v 'local fe80'
cd /proc/sys/net; grep -H . ipv4/ip_forward ipv4/conf/*/forwarding ipv6/conf/*/forwarding ipv6/conf/*/force_forwarding ipv6/conf/*/accept_ra`,
  ]);

/** Verbs of an admin. */
const open = (): Promise<string> => network.admin('open-route', 'acme', 'office', 'humans');
const close = (): Promise<string> => network.admin('close-route', 'acme', 'office', 'humans');

/** As a client would that takes the route, and never lets go of it. */
const takeRoute = async (host: Host): Promise<void> => {
  const [peer = ''] = (await host.sure(['wg', 'show', 'acme', 'allowed-ips']))
    .split('\n')
    .filter((line) => line.includes('10.42.1.1/32'))
    .map((line) => line.split('\t')[0] ?? '');
  await host.sure(['wg', 'set', 'acme', 'peer', peer, 'allowed-ips', `10.42.1.1/32,${LAN}`]);
  await host.sure(['ip', 'route', 'replace', LAN, 'dev', 'acme']);
};

beforeAll(async () => {
  network = await SmallNetwork.create();
  press = (await network.join('press')).host;
  lan = await lanBehind(network.lab, press, {
    device: 'lan0',
    own: ['192.168.72.1/24'],
    other: [`${HOST}/24`],
  });
  await press.sure([...CLIENT, 'down', 'acme']);
  before = await tracesOf(press);
  daemon = await follow(press);
  ann = (await network.join('ann')).host;
  annsDaemon = await follow(ann);
  await until('ann reaches press', () => reaches(ann, '10.42.1.1'));
});
afterAll(async () => {
  await network?.close();
});

describe('a router', () => {
  it('refuses to offer what it cannot carry, and changes nothing', async () => {
    const refusals: [string, RegExp][] = [
      ['10.42.0.0/16', /overlaps the network's range/],
      ['0.0.0.0/0', /the whole Internet/],
      ['fd72::/64', /block of IPv6/],
      ['127.0.0.0/8', /reserved for loopback/],
      ['192.168.72.1/24', /host bits/],
    ];
    for (const [block, sentence] of refusals) {
      const said = await press.exec([...CLIENT, 'offer-route', 'acme', block]);
      expect(said.code).not.toBe(0);
      expect(said.stderr).toMatch(sentence);
    }
    expect((await press.exec([...CLIENT, 'offer-route', 'acme', LAN, '--off'])).stderr).toContain(
      'does not offer',
    );
    const dry = await press.sure([...CLIENT, 'offer-route', 'acme', LAN, '--dry-run']);
    expect(dry).toContain(`pass packets between peers of acme and ${LAN}`);
    expect(await press.sure(['cat', '/etc/innernet/acme.conf'])).not.toContain('offer');
  });

  it('carries nothing by its own word alone, nor by an admin’s alone', async () => {
    await network.admin(
      'add-route',
      'acme',
      '--name',
      'office',
      '--block',
      LAN,
      '--router',
      'press',
      '--for',
      'humans',
    );
    annsDaemon.kill('SIGSTOP');
    await takeRoute(ann);
    expect(await reaches(ann, HOST)).toBe(false);
    await close();
    await press.sure([...CLIENT, 'offer-route', 'acme', LAN]);
    await until(
      'the table stands',
      async () => (await press.exec(['nft', 'list', 'table', 'inet', 'innernet-acme'])).code === 0,
    );
    expect(await reaches(ann, HOST)).toBe(false);
    expect((await press.sure(['cat', '/proc/sys/net/ipv4/conf/lan0/forwarding'])).trim()).toBe('0');
    annsDaemon.kill('SIGCONT');
  });

  it('carries with both, for whom it is open, and turns forwarding on by single interfaces', async () => {
    await open();
    await until('ann reaches the LAN', () => reaches(ann, HOST));
    const switches = await press.sure([
      'sh',
      '-c',
      'cd /proc/sys/net/ipv4; cat ip_forward conf/lan0/forwarding conf/acme/forwarding conf/eth0/forwarding',
    ]);
    expect(switches.trim().split('\n')).toEqual(['0', '1', '1', '0']);
  });

  it('ends live traffic with the route, though the user takes no notice', async () => {
    const pinging = ann.spawn(['ping', '-n', '-i', '0.05', HOST]);
    await pinging.line(/icmp_seq=5 /);
    annsDaemon.kill('SIGSTOP');
    await close();
    await until('no more answers come', async () => {
      const answered = pinging.lines.length;
      await new Promise((resolve) => setTimeout(resolve, 400));
      return pinging.lines.length === answered;
    });
    await pinging.stop('SIGINT');
    annsDaemon.kill('SIGCONT');
    expect((await press.sure(['cat', '/proc/sys/net/ipv4/conf/lan0/forwarding'])).trim()).toBe('0');
    await open();
    await until('ann reaches the LAN', () => reaches(ann, HOST));
  });

  const offers = async (): Promise<{ ready: boolean; why?: string }[]> => {
    const { askOwner } = await import('../../src/client/owner/owner.ts');
    const status = await askOwner(`/proc/${press.pid}/root/run/innernet/acme.sock`, { ask: 'status' });
    return (status as { routing: { offers: { ready: boolean; why?: string }[] } }).routing.offers;
  };

  it('R78: says within seconds why it is not ready: its interface, its forwarding, another filter', async () => {
    const becomes = (why: RegExp | undefined) =>
      until(`it says ${why}`, async () => {
        const [offer] = await offers();
        return why ? why.test(offer?.why ?? '') : offer?.ready === true;
      });
    await becomes(undefined);
    await press.sure(['ip', 'link', 'set', 'lan0', 'down']);
    await becomes(/^its lan0 is down$/);
    await press.sure(['ip', 'link', 'set', 'lan0', 'up']);
    await becomes(undefined);
    await press.sure(['sysctl', '-qw', 'net.ipv4.conf.lan0.forwarding=0']);
    await becomes(/^its forwarding of lan0 was turned off by another program$/);
    await press.sure(['sysctl', '-qw', 'net.ipv4.conf.lan0.forwarding=1']);
    await becomes(undefined);
    await press.sure(['ip', 'address', 'del', '192.168.72.1/24', 'dev', 'lan0']);
    await becomes(/^none of its interfaces has an address in 192\.168\.72\.0\/24/);
    await press.sure(['ip', 'address', 'add', '192.168.72.1/24', 'dev', 'lan0']);
    await becomes(undefined);
    await until('ann reaches the LAN again', () => reaches(ann, HOST), 60);
  });

  it('R77: killed and started again, it goes on without the server; killed and taken down, nothing is left', async () => {
    await daemon.stop('SIGKILL');
    expect(await reaches(ann, HOST, 10)).toBe(true);
    await network.stopServing();
    daemon = press.spawn([...CLIENT, 'up', '--daemon', 'acme']);
    await daemon.line(/up at/);
    await until('ann reaches the LAN', () => reaches(ann, HOST));
    await daemon.stop('SIGKILL');
    const orders = await press.sure([...CLIENT, 'down', 'acme', '--dry-run']);
    expect(orders).toContain('turn forwarding of IPv4 off again for lan0');
    await press.sure([...CLIENT, 'down', 'acme']);
    expect(await tracesOf(press)).toBe(before);
  });

  it('R77: stopped by down, nothing is left either; and nothing is carried that was taken back meanwhile', async () => {
    await network.serve();
    daemon = await follow(press);
    await until('ann reaches the LAN', () => reaches(ann, HOST), 60);
    await press.sure([...CLIENT, 'down', 'acme']);
    await daemon.ended;
    expect(await tracesOf(press)).toBe(before);
    await press.sure([...CLIENT, 'up', 'acme']);
    await press.sure([...CLIENT, 'offer-route', 'acme', '--off']);
    expect((await press.exec(['nft', 'list', 'table', 'inet', 'innernet-acme'])).code).not.toBe(0);
    await press.sure([...CLIENT, 'down', 'acme']);
    expect(await tracesOf(press)).toBe(before);
    expect(lan.name).toContain('lan0');
  });
});
