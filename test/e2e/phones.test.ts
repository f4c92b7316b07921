// Phones: WireGuard's own tools on a host without our programs, behind the server that passes their packets and filters them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { follow, type Host, reaches, SERVER, SmallNetwork, until } from './small-network.ts';

const FORWARDING = '/proc/sys/net/ipv4/conf/acme/forwarding';

let network: SmallNetwork;
let server: Host;
let folder: string;
let rulesBefore: string;

/** A phone's file, of the name of its device. */
const fileOf = (name: string): string => join(folder, `${name}.conf`);

const addPhone = (name: string, cidr: string, ...flags: string[]): Promise<string> =>
  network.admin('add-phone', 'acme', name, '--cidr', cidr, '--save-config', fileOf(name), ...flags);

/** As an app would: `wg-quick`. */
const scan = async (host: Host, name: string): Promise<void> => {
  await host.sure(['wg-quick', 'up', fileOf(name)], {
    env: { WG_QUICK_USERSPACE_IMPLEMENTATION: 'wireguard-go' },
  });
};

/** As a router's firmware would: addresses by hand, and `wg setconf`. */
const configure = async (host: Host, name: string, ip: string): Promise<void> => {
  await host.sure(['wireguard-go', name]);
  await reload(host, name);
  await host.sure([
    'sh',
    '-c',
    `ip address add ${ip}/32 dev ${name}; ip link set mtu 1280 up dev ${name}; ip route add 10.42.0.0/16 dev ${name}`,
  ]);
};

/** A new file, or the same again: the next packet begins with a handshake. */
const reload = (host: Host, device: string, name = device): Promise<string> =>
  host.sure(['sh', '-c', `wg-quick strip ${fileOf(name)} | wg setconf ${device} /dev/stdin`]);

const reachesSoon = (host: Host, ip: string): Promise<void> =>
  until(`${host.name} reaches ${ip}`, () => reaches(host, ip));

let mia: Host;
let ann: Host;
let box: Host;
let press: Host;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'phones-'));
  network = await SmallNetwork.create();
  server = network.server;
  [ann, box, press] = [
    await network.lab.host('ann'),
    await network.lab.host('box'),
    await network.lab.host('press'),
  ];
  await network.admin('add-cidr', 'acme', 'machines', '10.42.2.0/24');
  rulesBefore = await server.sure(['nft', '-s', 'list', 'ruleset']);
});
afterAll(async () => {
  await network?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

describe('a phone', () => {
  it('is nothing to the machine before there is one', async () => {
    expect((await server.sure(['cat', FORWARDING])).trim()).toBe('0');
    expect(rulesBefore).not.toContain('phones');
  });

  it('reaches the server and another phone of its CIDR, by wg-quick as by wg setconf', async () => {
    await addPhone('ann-phone', 'humans');
    await addPhone('box', 'humans');
    await scan(ann, 'ann-phone');
    await configure(box, 'box', '10.42.1.2');
    await reachesSoon(ann, '10.42.0.1');
    await reachesSoon(ann, '10.42.1.2');
    await reachesSoon(box, '10.42.1.1');
  });

  it('turns forwarding on for the network alone', async () => {
    expect((await server.sure(['cat', FORWARDING])).trim()).toBe('1');
    expect((await server.sure(['cat', '/proc/sys/net/ipv4/ip_forward'])).trim()).toBe('0');
  });

  it('reaches another CIDR while an association says so, and nothing has to be scanned again', async () => {
    await addPhone('press', 'machines');
    await configure(press, 'press', '10.42.2.1');
    await reachesSoon(press, '10.42.0.1');
    expect(await reaches(ann, '10.42.2.1')).toBe(false);
    await network.admin('add-association', 'acme', 'humans', 'machines');
    await reachesSoon(ann, '10.42.2.1');
    await reachesSoon(press, '10.42.1.1');
    await network.admin('delete-association', 'acme', 'humans', 'machines');
    await until('it is closed again', async () => !(await reaches(ann, '10.42.2.1')));
    expect(await reaches(press, '10.42.1.1')).toBe(false);
  });

  it('reaches what a limited association opens, and no other port: each answer of why is what a packet does', async () => {
    const listen = `for (const port of [22, 631]) require('net').createServer((s) => s.on('error', () => {})).listen(port); console.log('up')`;
    for (const host of [ann, press]) await host.spawn([process.execPath, '-e', listen]).line(/up/);
    await network.admin('add-association', 'acme', 'humans', 'machines', '--allow', 'humans:tcp/631');
    const knocks = async (from: Host, ip: string, attempt: string): Promise<boolean> => {
      const port = attempt.split('/')[1];
      if (port === undefined) return reaches(from, ip);
      const knock = `const s = require('net').connect(${port}, '${ip}'); setTimeout(() => process.exit(1), 1500);
s.on('connect', () => process.exit(0)).on('error', () => process.exit(1));`;
      return (await from.exec([process.execPath, '-e', knock])).code === 0;
    };
    const says = async (from: string, to: string, attempt: string): Promise<boolean> =>
      (await server.exec([...SERVER, 'why', 'acme', from, to, '--port', attempt])).code === 0;
    const [printer, phone] = ['10.42.2.1', '10.42.1.1'];
    await until('the port is open', () => knocks(ann, printer, 'tcp/631'));
    for (const attempt of ['tcp/631', 'tcp/22', 'icmp']) {
      expect([attempt, await knocks(ann, printer, attempt)]).toEqual([
        attempt,
        await says('ann-phone', 'press', attempt),
      ]);
      expect([attempt, await knocks(press, phone, attempt)]).toEqual([
        attempt,
        await says('press', 'ann-phone', attempt),
      ]);
    }
    expect(await knocks(ann, printer, 'tcp/22')).toBe(false);
    expect(await knocks(press, phone, 'tcp/631')).toBe(false);
    await network.admin('limit-association', 'acme', 'humans', 'machines', '--allow', 'machines:tcp/22');
    await until('the port is closed', async () => !(await knocks(ann, printer, 'tcp/631')));
    await until('the other way is open', () => knocks(press, phone, 'tcp/22'));
    await network.admin('delete-association', 'acme', 'humans', 'machines');
  });

  it('R72: is told by doctor what else drops its packets on the server, as Docker does', async () => {
    const phones = async () => {
      const { stdout } = await server.exec([...SERVER, 'doctor', 'acme', '--json']);
      return JSON.parse(stdout).find(({ step }: { step: string }) => step === 'phones');
    };
    expect(await phones()).toMatchObject({ grade: 'ok', found: expect.stringContaining('3 phones') });
    await server.sure([
      'nft',
      'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }',
    ]);
    expect(await reaches(ann, '10.42.1.2')).toBe(false);
    expect(await phones()).toMatchObject({
      grade: 'warning',
      found: expect.stringContaining('ip filter of nftables drops what is passed on'),
      hint: expect.stringContaining('iptables -I DOCKER-USER -i acme -o acme -j ACCEPT'),
    });
    await server.sure(['nft', 'insert rule ip filter FORWARD iifname "acme" oifname "acme" accept']);
    await reachesSoon(ann, '10.42.1.2');
    expect((await phones()).grade).toBe('ok');
    await server.sure(['nft', 'delete table ip filter']);
  });

  it('is reached by a machine that follows, through the server, and its key is no pin there', async () => {
    mia = (await network.join('mia')).host;
    await follow(mia);
    const at = { '10.42.1.1': ann, '10.42.1.2': box };
    for (const [ip, host] of Object.entries(at)) {
      await reachesSoon(mia, ip);
      await reachesSoon(host, '10.42.1.3');
    }
    const [server, ...others] = (await mia.sure(['wg', 'show', 'acme', 'allowed-ips'])).trim().split('\n');
    expect(server?.split('\t')[1]?.split(' ').sort()).toEqual([
      '10.42.0.1/32',
      '10.42.1.1/32',
      '10.42.1.2/32',
    ]);
    expect(others).toEqual([]);
    const why = await network.server.exec([...SERVER, 'why', 'acme', 'mia', 'ann-phone']);
    expect([why.code, why.stdout]).toEqual([
      0,
      expect.stringContaining('passes the packets of ann-phone, and can read them'),
    ]);
  });

  it('R65: gains nothing by another list of addresses in its file', async () => {
    const key = (await server.sure(['wg', 'show', 'acme', 'public-key'])).trim();
    await ann.sure(['wg', 'set', 'ann-phone', 'peer', key, 'allowed-ips', '10.0.0.0/8,192.168.0.0/16']);
    await ann.sure(['ip', 'route', 'add', '192.168.0.0/16', 'dev', 'ann-phone']);
    await server.sure([
      'sh',
      '-c',
      'ip link add lan0 type veth peer lan1; ip link set lan1 up; ip link set lan0 up; ip address add 192.168.77.1/24 dev lan0',
    ]);
    expect(await reaches(ann, '10.42.1.2')).toBe(true);
    const dropped = async (): Promise<number> =>
      [
        ...(await server.sure(['nft', 'list', 'table', 'inet', 'innernet-acme'])).matchAll(
          /packets (\d+) bytes \d+ drop/g,
        ),
      ].reduce((sum, [, count]) => sum + Number(count), 0);
    const before = await dropped();
    expect(await reaches(ann, '192.168.77.9')).toBe(false);
    expect(await reaches(ann, '10.42.2.1')).toBe(false);
    expect(await dropped()).toBe(before + 2);
  });

  it('R65: hears nobody beside the tunnel who says that he is a peer, where the router forwards', async () => {
    await server.sure([
      'sh',
      '-c',
      'sysctl -qw net.ipv4.ip_forward=1; for it in all eth0 acme; do sysctl -qw net.ipv4.conf.$it.rp_filter=0; done',
    ]);
    await box.sure(['sh', '-c', 'for it in all eth0 box; do sysctl -qw net.ipv4.conf.$it.rp_filter=0; done']);
    await box.sure(['ip', 'rule', 'add', 'to', '10.42.2.1', 'lookup', '77', 'priority', '10']);
    await box.sure([
      'ip',
      'route',
      'add',
      '10.42.2.1',
      'via',
      server.address,
      'src',
      '10.42.1.2',
      'table',
      '77',
    ]);
    expect(await reaches(box, '10.42.2.1')).toBe(false);
    await box.sure(['ip', 'rule', 'del', 'priority', '10']);
    await server.sure(['sysctl', '-qw', 'net.ipv4.ip_forward=0']);
    await server.sure(['sysctl', '-qw', 'net.ipv4.conf.acme.forwarding=1']);
  });

  it('R68: gets an empty 401 from the API, as a stranger does', async () => {
    const key = (await server.sure(['wg', 'show', 'acme', 'public-key'])).trim();
    const asked = await ann.sure([
      process.execPath,
      '-e',
      `fetch('http://10.42.0.1:51820/v1/user/state', { headers: { 'x-innernet-server-key': '${key}' } })
        .then(async (it) => console.log(it.status, JSON.stringify(await it.text())))`,
    ]);
    expect(asked).toBe('401 ""\n');
  });

  it('R66: with another key is reached at the same address, and the old key gets no packet', async () => {
    const old = (await ann.sure(['wg', 'show', 'ann-phone', 'public-key'])).trim();
    await network.admin('rekey-phone', 'acme', 'ann-phone', '--save-config', fileOf('ann-again'));
    await until(
      'the old key is gone',
      async () => !(await server.sure(['wg', 'show', 'acme', 'peers'])).includes(old),
    );
    expect(await reaches(ann, '10.42.0.1')).toBe(false);
    await reload(ann, 'ann-phone', 'ann-again');
    await reachesSoon(ann, '10.42.1.2');
    await reachesSoon(mia, '10.42.1.1');
  });

  it('goes on while the server is dead, and stays filtered', async () => {
    await network.stopServing('SIGKILL');
    expect(await reaches(ann, '10.42.1.2')).toBe(true);
    expect(await reaches(ann, '10.42.2.1')).toBe(false);
    await network.serve();
    expect(await reaches(ann, '10.42.1.2')).toBe(true);
  });

  it('is cut off where the conf withdraws the consent, and add-phone says so', async () => {
    await network.stopServing('SIGTERM');
    await server.sure(['sh', '-c', 'echo "phones = false" >> /etc/innernet-server/acme.conf']);
    await network.serve();
    expect(network.said.some((line) => line.includes('phones are cut off: its conf'))).toBe(true);
    expect(await reaches(ann, '10.42.1.2')).toBe(false);
    expect(await reaches(ann, '10.42.0.1')).toBe(false);
    const refused = await server.exec([
      ...SERVER,
      'add-phone',
      'acme',
      'eve',
      '--cidr',
      'humans',
      '--qr',
      '--yes',
    ]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('says phones = false')]);
    await network.stopServing('SIGKILL');
    await server.sure(['sed', '-i', '/^phones/d', '/etc/innernet-server/acme.conf']);
    await network.serve();
    for (const [host, device, name] of [
      [ann, 'ann-phone', 'ann-again'],
      [box, 'box', 'box'],
    ] as const)
      await reload(host, device, name);
    await reachesSoon(ann, '10.42.1.2');
  });

  it('R67: leaves nothing behind: the last one, and down after a kill', async () => {
    for (const name of ['ann-phone', 'box']) await network.admin('delete-peer', 'acme', name);
    await network.admin('disable-peer', 'acme', 'press');
    await until('forwarding is off', async () => (await server.sure(['cat', FORWARDING])).trim() === '0');
    await until(
      'the table is as before',
      async () => (await server.sure(['nft', '-s', 'list', 'ruleset'])) === rulesBefore,
    );
    await network.admin('enable-peer', 'acme', 'press');
    await until('forwarding is on', async () => (await server.sure(['cat', FORWARDING])).trim() === '1');
    await network.stopServing('SIGKILL');
    await server.sure([...SERVER, 'down', 'acme', '--yes']);
    expect(await server.sure(['nft', 'list', 'ruleset'])).not.toContain('innernet');
    expect((await server.exec(['cat', FORWARDING])).code).not.toBe(0);
    expect(await server.sure(['ls', '/var/lib/innernet-server'])).not.toContain('phone-forwarding');
  });
});
