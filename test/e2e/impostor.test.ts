// R32: somebody else has the server's address, or the tunnel is down: our programs speak through the device, or to nobody.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import type { V1Heard } from '../client/v1-server.ts';
import type { Running } from '../lab.ts';
import {
  CLIENT,
  follow,
  type Host,
  isConnected,
  onDevice,
  reportOf,
  SERVER,
  SmallNetwork,
  until,
} from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let rogue: Host;
let program: string;
let folder: string;

/** What the impostor has been asked, but for what the tests ask themselves. */
const heardBy = async (impostor: Host): Promise<string[]> => {
  const script = `require('http').request({ socketPath: '/run/ear', method: 'POST' }, (answer) => answer.pipe(process.stdout)).end()`;
  const { asked } = JSON.parse(await impostor.sure([process.execPath, '-e', script])) as V1Heard;
  return asked.filter((call) => call !== 'GET /trap');
};

/** Whoever does not mind the device reaches the impostor: else the trap is none. */
const isTrapped = async (host: Host, ip: string): Promise<void> => {
  const script = `fetch('http://${ip}:51820/trap').then((r) => console.log(r.headers.get('x-impostor')))`;
  expect((await host.sure([process.execPath, '-e', script])).trim()).toBe('yes');
};

const impersonate = (host: Host, ip: string): Promise<unknown> =>
  host.spawn([process.execPath, program, ip, '51820', '/run/ear']).line(/ready/);

/** The local end of the daemon's stream. */
const streamOf = async (host: Host, server: string): Promise<string> => {
  const lines = await host.sure(['ss', '-Htn', 'state', 'established', 'dst', server]);
  return lines.split(/\s+/)[2] ?? '';
};

/**
 * What is tried here is that our programs mind the device. The guard of the range is another line, tried as R26: without it
 * whoever does not mind the device is led astray.
 */
const withoutGuard = (network: string): Promise<string> =>
  ann.sure([...CLIENT, '--no-routing', 'up', network]);

const followWithoutGuard = async (): Promise<Running> => {
  const daemon = ann.spawn([...CLIENT, '--no-routing', 'up', '--daemon', 'acme']);
  await daemon.line(/up at/);
  await until('ann is connected', () => isConnected(ann));
  return daemon;
};

let cidrs = 0;

/** The true server makes a change, and the machine's daemon takes it. */
const followsTheTruth = async (): Promise<void> => {
  cidrs += 1;
  const flags = ['--name', `more${cidrs}`, '--cidr', `10.42.${100 + cidrs}.0/24`, '--json'];
  const { position } = JSON.parse(await network.admin('add-cidr', 'acme', ...flags));
  await until('ann is level', async () => (await reportOf(ann)).position === position);
  expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.2']);
};

/** What reads, what writes, what looks. */
const VERBS = [
  ['list-peers', 'acme'],
  ['rename-cidr', 'acme', '--name', 'humans', '--new-name', 'people', '--yes'],
  ['rename-cidr', 'acme', '--name', 'people', '--new-name', 'humans', '--yes'],
  ['history', 'acme'],
  ['verify', 'acme'],
  ['override-endpoint', 'acme', '--unset', '--yes'],
  ['fetch', 'acme'],
  ['doctor', 'acme'],
] as const;

const verbsReachTheTruth = async (): Promise<void> => {
  for (const verb of VERBS) {
    const { code, stdout, stderr } = await ann.exec([...CLIENT, ...verb]);
    if (verb[0] === 'doctor') expect(stdout).toMatch(/^ok +API /m);
    else expect([verb, code, stderr]).toEqual([verb, 0, expect.anything()]);
  }
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'innernet-impostor-'));
  const source = fileURLToPath(new URL('../client/v1-server.ts', import.meta.url));
  program = await bundleForRun(source, `test-impostor-${process.pid}`);
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await network.join('bob');
  await network.admin('grant-admin', 'acme', '--name', 'ann');
  rogue = await network.lab.host('rogue');
  await rogue.sure(['ip', 'address', 'add', '10.42.0.1/32', 'dev', 'lo']);
  await impersonate(rogue, '10.42.0.1');
});
afterAll(async () => {
  await network.close();
  await rm(program, { force: true });
  await rm(folder, { recursive: true });
});

describe("R32: a LAN in which somebody has the server's address", () => {
  beforeAll(async () => {
    await rogue.sure(['ip', 'address', 'add', '10.42.0.1/24', 'dev', 'eth0']);
  });
  afterAll(async () => {
    await ann.sure(['ip', 'address', 'del', '10.42.0.77/24', 'dev', 'eth0']);
    await rogue.sure(['ip', 'address', 'del', '10.42.0.1/24', 'dev', 'eth0']);
  });

  it('a lease while the daemon runs: the next stream, and every verb, reach the true server', async () => {
    const daemon = await followWithoutGuard();
    const before = await streamOf(ann, '10.42.0.1');
    await ann.sure(['ip', 'address', 'add', '10.42.0.77/24', 'dev', 'eth0']);
    await isTrapped(ann, '10.42.0.1');
    await until('there is another stream', async () => {
      const now = await streamOf(ann, '10.42.0.1');
      return now !== '' && now !== before;
    });
    await followsTheTruth();
    await verbsReachTheTruth();
    expect(await heardBy(rogue)).toEqual([]);
    await daemon.stop('SIGTERM');
  });

  it('a lease before up: the same', async () => {
    await ann.sure([...CLIENT, 'down', 'acme']);
    await ann.sure([...CLIENT, 'up', 'acme']);
    await withoutGuard('acme');
    await isTrapped(ann, '10.42.0.1');
    const daemon = await followWithoutGuard();
    await followsTheTruth();
    expect(await heardBy(rogue)).toEqual([]);
    await daemon.stop('SIGTERM');
  });
});

describe('R32: another network of somebody else, with the same addresses', () => {
  let mallory: Host;

  beforeAll(async () => {
    mallory = await network.lab.host('mallory');
    const join = async (host: Host, ip: string, port: string): Promise<string> => {
      await host.sure(['wireguard-go', 'mall']);
      await host.sure([
        'sh',
        '-c',
        `wg genkey > /run/key; wg set mall listen-port ${port} private-key /run/key`,
      ]);
      await host.sure(['ip', 'address', 'add', `${ip}/24`, 'dev', 'mall']);
      await host.sure(['ip', 'link', 'set', 'mall', 'up']);
      return (await host.sure(['wg', 'show', 'mall', 'public-key'])).trim();
    };
    const theirs = await join(mallory, '10.42.0.1', '52000');
    const ours = await join(ann, '10.42.0.99', '52001');
    await mallory.sure(['wg', 'set', 'mall', 'peer', ours, 'allowed-ips', '10.42.0.99/32']);
    const place = ['endpoint', `${mallory.address}:52000`];
    await ann.sure(['wg', 'set', 'mall', 'peer', theirs, ...place, 'allowed-ips', '10.42.0.0/24']);
    await impersonate(mallory, '10.42.0.1');
    await isTrapped(ann, '10.42.0.1');
  });
  afterAll(() => ann.sure(['ip', 'link', 'delete', 'mall']));

  it('commands of the first do not reach it', async () => {
    await ann.sure([...CLIENT, 'add-cidr', 'acme', '--name', 'labs', '--cidr', '10.42.90.0/24', '--yes']);
    expect(await network.server.sure([...SERVER, 'list-cidrs', 'acme'])).toContain('labs');
    const daemon = await followWithoutGuard();
    await followsTheTruth();
    await verbsReachTheTruth();
    await daemon.stop('SIGTERM');
    expect(await heardBy(mallory)).toEqual([]);
  });
});

describe('R32: the tunnel is down', () => {
  beforeAll(() => ann.sure(['ip', 'route', 'add', 'default', 'via', rogue.address]));
  afterAll(() => ann.sure(['ip', 'route', 'del', 'default']));

  /** Packets for the network's range that left by the underlay while something was done. */
  const leaked = async (act: () => Promise<void>): Promise<number> => {
    const capture = '/run/leaked.pcap';
    const dump = ann.spawn([
      'tcpdump',
      '-Z',
      'root',
      '--immediate-mode',
      '-U',
      '-i',
      'eth0',
      '-w',
      capture,
      'dst net 10.42.0.0/16',
    ]);
    await dump.line(/listening on/);
    await act();
    await dump.stop('SIGINT');
    return (await ann.sure(['tcpdump', '-nr', capture])).split('\n').filter(Boolean).length;
  };

  const nothingLeaves = async (why: RegExp): Promise<void> => {
    const packets = await leaked(async () => {
      for (const verb of VERBS) {
        const { code, stderr, stdout } = await ann.exec([...CLIENT, ...verb]);
        expect([verb, code]).toEqual([verb, 1]);
        if (verb[0] === 'doctor') expect(stdout).toContain('innernet up');
        else expect(stderr).toMatch(why);
      }
    });
    expect(packets).toBe(0);
  };

  it('absent: each verb says so, and not one packet leaves this machine', async () => {
    await ann.sure([...CLIENT, 'down', 'acme']);
    await nothingLeaves(/^innernet: error: .*(is not up)[^\n]*\ninnernet: hint: [^\n]*innernet up acme\n$/);
    expect(await leaked(() => isTrapped(ann, '10.42.0.1'))).toBeGreaterThan(0);
  });

  it('down, or of another key: the same', async () => {
    await ann.sure([...CLIENT, 'up', 'acme']);
    await ann.sure(['ip', 'link', 'set', 'acme', 'down']);
    const verb = [...CLIENT, 'list-peers', 'acme'];
    const down = await ann.exec(verb);
    expect([down.code, down.stderr]).toEqual([
      1,
      expect.stringMatching(/its device is down[\s\S]*innernet up acme/),
    ]);
    await ann.sure([...CLIENT, 'up', 'acme']);
    await ann.sure(['sh', '-c', 'wg genkey | wg set acme private-key /dev/stdin']);
    const other = await ann.exec(verb);
    expect([other.code, other.stderr]).toEqual([
      1,
      expect.stringMatching(/another key[\s\S]*innernet up acme/),
    ]);
    await ann.sure([...CLIENT, 'up', 'acme']);
    await ann.sure(verb);
    expect(await heardBy(rogue)).toEqual([]);
  });
});

it('R32: a device that is made anew under a running daemon: the stream goes through the new one', async () => {
  const daemon = await follow(ann);
  await ann.sure(['ip', 'link', 'delete', 'acme']);
  await followsTheTruth();
  await daemon.stop('SIGTERM');
});

it("R32: IPv6, and a router that advertises the server's prefix", async () => {
  const server6 = network.server.address6;
  await network.server.sure([
    ...[
      ...SERVER,
      'new',
      '--no-relay',
      '--network-name',
      'six',
      '--network-cidr',
      'fd42::/48',
      '--listen-port',
      '51999',
    ],
    ...['--external-endpoint', `[${server6}]:51999`],
  ]);
  await network.server.spawn([...SERVER, 'serve', 'six']).line(/listening/);
  await network.server.sure([
    ...SERVER,
    'add-cidr',
    'six',
    '--name',
    'all',
    '--cidr',
    'fd42:0:0:1::/64',
    '--yes',
  ]);
  const invitation = join(folder, 'six.toml');
  const flags = [
    '--name',
    'ann',
    '--cidr',
    'all',
    '--auto-ip',
    '--admin',
    'true',
    '--save-config',
    invitation,
  ];
  await network.server.sure([...SERVER, 'add-peer', 'six', ...flags, '--yes']);
  const rogue6 = await network.lab.host('rogue6');
  const [, port = ''] =
    /internal-endpoint = "\[fd42::1\]:(\d+)"/.exec(await ann.sure(['cat', invitation])) ?? [];
  await rogue6.sure(['ip', 'address', 'add', 'fd42::1/64', 'dev', 'eth0', 'nodad']);
  await rogue6.spawn([process.execPath, program, 'fd42::1', port, '/run/ear']).line(/ready/);
  await ann.sure([...CLIENT, 'install', invitation, '--default-name']);
  const advertisement = fileURLToPath(new URL('../lab/router-advertisement.js', import.meta.url));
  // Again and again, as routers do: one alone may come before either side has an address for it.
  await until('ann has an address of it', async () => {
    await rogue6.sure([process.execPath, advertisement, 'eth0', 'fd42::']);
    return /fd42::\w+:/.test(await ann.sure(['ip', '-6', 'address', 'show', 'dev', 'eth0', '-tentative']));
  });
  await withoutGuard('six');
  const script = `fetch('http://[fd42::1]:${port}/trap').then((r) => console.log(r.headers.get('x-impostor')))`;
  expect((await ann.sure([process.execPath, '-e', script])).trim()).toBe('yes');
  await ann.sure([...CLIENT, 'add-cidr', 'six', '--name', 'labs', '--cidr', 'fd42:0:0:2::/64', '--yes']);
  await withoutGuard('six');
  expect(await heardBy(rogue6)).toEqual([]);
});
