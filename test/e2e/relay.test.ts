// Two peers behind routers that change ports talk through the server's relay, with WireGuard set by hand: each has its
// mailbox there as a throwaway peer. R40, R41.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { canLend } from '../../src/filter/lent-forwarding.ts';
import { passedIn } from '../../src/filter/relay-table.ts';
import { mailboxOf } from '../../src/relay/mailbox.ts';
import type { PeerId } from '../../src/values/id.ts';
import { initiation } from '../relay/messages.ts';
import { bundled } from '../server/bundled.ts';
import { seed } from '../torture/seed.ts';
import { CLIENT, type Host, reaches, SERVER, SmallNetwork, until } from './small-network.ts';

const PORT = 51821;
const [ANN, BOB] = ['10.42.1.1', '10.42.1.2'];

let network: SmallNetwork;
let ann: Host;
let bob: Host;

const keyOf = async (host: Host, device = 'acme'): Promise<string> =>
  (await host.sure(['wg', 'show', device, 'public-key'])).trim();

const TABLE = ['ip', 'innernet-relay-acme'];
const FLUSHES = 4;
const LIST = ['nft', 'list'];
const SETTINGS = '/proc/sys/net/ipv4/conf';
const FORWARDING = `${SETTINGS}/eth0/forwarding`;

const hasSaid = (text: string): boolean => network.said.some((line) => line.includes(text));

const shown = (): Promise<string> => network.server.sure([...SERVER, 'show', 'acme']);

const relayStep = async (): Promise<unknown> => {
  const { stdout } = await network.server.exec([...SERVER, 'doctor', 'acme', '--json']);
  return JSON.parse(stdout).find(({ step }: { step: string }) => step === 'relay');
};

/** What the kernel has passed on since the table was made. */
const passedByKernel = async (): Promise<number> => {
  const { stdout } = await network.server.exec([...LIST, 'counters', 'table', ...TABLE]);
  return passedIn(stdout).sent;
};

/** How many of the pings' two packets each were passed on by the kernel. */
const passedOnPings = async (count: number): Promise<number> => {
  const before = await passedByKernel();
  await ann.sure(['ping', '-q', '-i', '0.01', '-c', String(count), BOB], { timeout: 60_000 });
  return (await passedByKernel()) - before;
};

/** What a client does by itself: its mailbox, and the other peer at the relay. */
const meetAt = async (
  { server, device, relay }: { server: Host; device: string; relay: string },
  [host, id]: [Host, number],
  [other, ip]: [Host, string],
): Promise<void> => {
  const secret = await server.sure(['cat', `/var/lib/innernet-server/${device}.relay-key`]);
  const mailbox = mailboxOf(Buffer.from(secret.trim(), 'base64'), 1 as PeerId, id as PeerId);
  const set = ['wg', 'set', device, 'peer'];
  await host.sure([...set, mailbox, 'endpoint', relay, 'persistent-keepalive', '25']);
  await host.sure([...set, await keyOf(other, device), 'endpoint', relay, 'allowed-ips', `${ip}/32`]);
};

const meetAtRelay = (host: Host, id: number, other: Host, ip: string): Promise<void> => {
  const { server } = network;
  return meetAt({ server, device: 'acme', relay: `${server.address}:${PORT}` }, [host, id], [other, ip]);
};

const endpointsAt = async (host: Host): Promise<string> => host.sure(['wg', 'show', 'acme', 'endpoints']);

const handshakeWith = async (host: Host, other: Host): Promise<string> => {
  const key = await keyOf(other);
  const lines = (await host.sure(['wg', 'show', 'acme', 'latest-handshakes'])).split('\n');
  return lines.find((line) => line.startsWith(key)) ?? '';
};

beforeAll(async () => {
  network = await SmallNetwork.create();
  await network.admin('set-relay', 'acme', 'innernet-server', '--port', String(PORT));
  const join = async (name: string): Promise<Host> => {
    const behind = await network.lab.router(`of-${name}`, { ports: 'random' });
    const host = await network.lab.host(name, { behind });
    await host.sure([...CLIENT, 'install', await network.invite(name)]);
    return host;
  };
  ann = await join('ann');
  bob = await join('bob');
  await meetAtRelay(ann, 2, bob, BOB);
  await meetAtRelay(bob, 3, ann, ANN);
  await until('ann reaches bob', () => reaches(ann, BOB));
});
afterAll(() => network.close());

describe('two peers behind routers that change ports', () => {
  it('talk through the relay', async () => {
    expect(await reaches(bob, ANN)).toBe(true);
    const relay = `${network.server.address}:${PORT}`;
    expect((await endpointsAt(ann)).split('\n').filter((line) => line.endsWith(relay))).toHaveLength(2);
  });

  it('have their data passed on by the kernel, on a machine that forwards nothing else', async () => {
    expect(await passedOnPings(200)).toBeGreaterThanOrEqual(0.9 * 2 * 200);
    const { server } = network;
    expect(await shown()).toContain(`relay at UDP port ${PORT}, 2 mailboxes open; the kernel passes data on`);
    expect(await relayStep()).toMatchObject({ grade: 'ok', found: expect.stringContaining('has passed on') });
    expect(await server.sure(['cat', '/proc/sys/net/ipv4/ip_forward'])).toBe('0\n');
    expect(await server.sure(['cat', FORWARDING])).toBe('1\n');
    const stranger = await network.lab.host('neighbour');
    const aim = await network.lab.host('aim');
    await stranger.sure(['ip', 'route', 'add', `${aim.address}/32`, 'via', server.address]);
    expect(await reaches(stranger, aim.address)).toBe(false);
    expect(await reaches(stranger, server.address)).toBe(true);
  });

  it('R42: talk on while somebody removes all tables of nftables, and the kernel passes data again later', async () => {
    await network.server.sure(['nft', 'flush', 'ruleset']);
    expect(await reaches(ann, BOB, 5)).toBe(true);
    await until(
      'the table is back',
      async () => (await network.server.exec([...LIST, 'counters', 'table', ...TABLE])).code === 0,
    );
    await until('it says so', async () => hasSaid('relay-acme was changed'));
    expect(await passedOnPings(50)).toBeGreaterThanOrEqual(0.9 * 2 * 50);
  });

  it('R42: have the kernel again at once, not when it is looked at every five seconds', async () => {
    const hasTable = async () =>
      (await network.server.exec([...LIST, 'counters', 'table', ...TABLE])).code === 0;
    const began = performance.now();
    for (let time = 0; time < FLUSHES; time++) {
      await network.server.sure(['nft', 'flush', 'ruleset']);
      await until('the table is back', hasTable);
    }
    expect(performance.now() - began, 'by looks alone').toBeLessThan((FLUSHES - 1) * 5_000);
  });

  it('go on with their session after the relay was killed and has come back', async () => {
    const before = await handshakeWith(ann, bob);
    await network.stopServing('SIGKILL');
    await network.serve();
    await until('ann reaches bob again', () => reaches(ann, BOB));
    expect(await handshakeWith(ann, bob)).toBe(before);
  });

  it('R40: a stranger hears nothing, whatever it sends, and disturbs nobody', async () => {
    const stranger = await network.lab.host('stranger');
    const count = `table ip heard { chain in { type filter hook input priority 0; ip saddr ${network.server.address} udp sport ${PORT} counter; }; }`;
    await stranger.sure(['nft', '-f', '-'], { input: `${count}\n` });
    const flood = `
      const socket = require('dgram').createSocket('udp4');
      const types = [[1, 148], [2, 92], [3, 64], [4, 128], [4, 1000], [0, 4], [9, 148]];
      let sent = 0;
      const more = () => {
        for (let n = 0; n < 50; n++, sent++) {
          const [type, length] = types[sent % types.length];
          const packet = require('crypto').randomBytes(length);
          packet.writeUInt32LE(type);
          socket.send(packet, ${PORT}, '${network.server.address}');
        }
        if (sent < 20000) setTimeout(more, 1);
        else socket.close();
      };
      more();`;
    const flooding = stranger.sure([process.execPath, '-e', flood], { timeout: 60_000 });
    await until('ann reaches bob meanwhile', () => reaches(ann, BOB));
    await flooding;
    expect(await stranger.sure(['nft', 'list', 'table', 'ip', 'heard'])).toContain('packets 0 bytes 0');
    expect(await reaches(ann, BOB, 5)).toBe(true);
  });

  it('shake hands also where one is so busy that it answers with cookies, which are bound to the relay', async () => {
    const count = `table ip cookies { chain in { type filter hook prerouting priority -310; udp sport ${PORT} @th,64,32 0x03000000 counter; }; }`;
    await ann.sure(['nft', '-f', '-'], { input: `${count}\n` });
    const [anns, bobs] = [await keyOf(ann), await keyOf(bob)];
    const port = (await bob.sure(['wg', 'show', 'acme', 'listen-port'])).trim();
    // By this many at once bob's WireGuard knows that it is under load.
    const crowd = `
      const packet = Buffer.from('${initiation(bobs, 7).toString('base64')}', 'base64');
      const socket = require('dgram').createSocket('udp4');
      setInterval(() => { for (let n = 0; n < 600; n++) socket.send(packet, ${port}, '127.0.0.1'); }, 50);`;
    const crowding = bob.spawn([process.execPath, '-e', crowd]);
    onTestFinished(async () => {
      await crowding.stop();
    });
    const cookies = async (): Promise<boolean> =>
      !(await ann.sure(['nft', 'list', 'table', 'ip', 'cookies'])).includes('packets 0 ');
    const relay = `${network.server.address}:${PORT}`;
    const again = async (host: Host, key: string, ip: string): Promise<void> => {
      const set = ['wg', 'set', 'acme', 'peer', key];
      await host.sure([...set, 'remove']);
      await host.sure([...set, 'endpoint', relay, 'allowed-ips', `${ip}/32`]);
    };
    await until('a cookie has come to ann', async () => {
      // Without a session bob has nothing to say: the cookie is for ann's initiation.
      await again(bob, anns, ANN);
      await again(ann, bobs, BOB);
      await ann.exec(['ping', '-c', '1', '-W', '1', BOB]);
      return cookies();
    });
    await until('the handshake with it is done', () => reaches(ann, BOB), 60);
    await ann.sure(['nft', 'delete', 'table', 'ip', 'cookies']);
  });

  it('R43: talk through the program where another table drops what is forwarded, which is said', async () => {
    const docker =
      'table ip docker { chain FORWARD { type filter hook forward priority 0; policy drop; }; }\n';
    await network.server.sure(['nft', '-f', '-'], { input: docker });
    await until('ann reaches bob again', () => reaches(ann, BOB), 60);
    await until('it says why', async () => hasSaid('ip docker FORWARD'));
    // No table drops any more what else would be forwarded.
    expect(await network.server.sure(['cat', FORWARDING])).toBe('0\n');
  });

  it('talk through the program where nftables is missing, which is said', async () => {
    await network.server.sure(['nft', 'flush', 'ruleset']);
    await network.server.sure(['mount', '--bind', '/dev/null', '/usr/sbin/nft']);
    await network.stopServing('SIGTERM');
    await network.serve();
    await until('ann reaches bob again', () => reaches(ann, BOB));
    expect(hasSaid('nftables is missing (sudo apt-get install nftables')).toBe(true);
    expect(await shown()).toContain('innernet-server passes data on, which is slower');
    expect(await relayStep()).toMatchObject({ grade: 'warning' });
    await network.server.sure(['umount', '/usr/sbin/nft']);
  });

  it('talk through the program where it may not forward; it says what an administrator may do', async () => {
    const { server } = network;
    await network.stopServing('SIGTERM');
    await server.sure(['sysctl', '-qw', 'net.ipv4.conf.eth0.forwarding=0']);
    await server.sure(['mount', '--bind', SETTINGS, SETTINGS]);
    await server.sure(['mount', '-o', 'remount,ro,bind', SETTINGS]);
    await network.serve();
    await until('ann reaches bob again', () => reaches(ann, BOB));
    await until('it says so', async () => hasSaid('sudo sysctl -w net/ipv4/conf/eth0/forwarding=1'));
    const journal = '/var/lib/innernet-server/acme.relay-forwarding';
    expect(await server.sure(['cat', journal]), 'what it did not do it does not undo').toBe('');
    await server.sure(['umount', SETTINGS]);
    await network.stopServing('SIGTERM');
    await network.serve();
    await until('it forwards', async () => (await server.sure(['cat', FORWARDING])) === '1\n');
  });

  it('R41: do so no longer once one is disabled, although no program of theirs runs', async () => {
    expect(await reaches(ann, BOB)).toBe(true);
    await network.admin('disable-peer', 'acme', '--name', 'bob');
    await until('the data has stopped', async () => !(await reaches(ann, BOB)));
    expect(await endpointsAt(ann)).toContain(await keyOf(bob));
  });
});

it('R41: ways that end while nft runs end in the kernel too', async () => {
  const host = await network.lab.host('changing');
  const program = await bundled('test/lab/relay-ways.ts');
  const argv = [host.address, network.server.address, '/run/relay-forwarding', String(seed)];
  const said = await host.sure([process.execPath, program.path, ...argv]).finally(program.remove);
  expect(said, `again with TORTURE_SEED=${seed}`).toBe('the kernel has what is wanted\n');
});

describe('a machine that relays no more is as it was before', () => {
  const hasTable = async (): Promise<boolean> =>
    (await network.server.exec([...LIST, 'table', ...TABLE])).code === 0;
  const forwarding = () => network.server.sure(['cat', FORWARDING]);

  it('also when its program was killed, by down', async () => {
    await network.stopServing('SIGTERM');
    await network.serve();
    await until('the table is there', hasTable);
    await network.stopServing('SIGKILL');
    const said = await network.server.sure([...SERVER, 'down', 'acme', '--dry-run']);
    expect(said).toContain('remove the table innernet-relay-acme of nftables');
    expect(said).toContain('turn forwarding of IPv4 off again for eth0');
    await network.admin('down', 'acme');
    expect([await hasTable(), await forwarding()]).toEqual([false, '0\n']);
  });

  it('by clear-relay', async () => {
    await network.serve();
    await until('the table is there again', hasTable);
    await network.admin('clear-relay', 'acme', 'innernet-server');
    await until('the table is gone', async () => !(await hasTable()));
    await until('forwarding is off', async () => (await forwarding()) === '0\n');
  });
});

it('a port that is taken is a warning, and the network is served', async () => {
  const holder = network.server.spawn([
    process.execPath,
    '-e',
    `require('dgram').createSocket('udp4').bind(${PORT + 1}, () => console.log('held'))`,
  ]);
  await holder.line(/held/);
  await network.admin('set-relay', 'acme', 'innernet-server', '--port', String(PORT + 1));
  await until('it says so', async () => hasSaid(`no relay now: UDP port ${PORT + 1} is taken`));
  await until('and what to do', async () => hasSaid('hint: choose another: innernet-server set-relay '));
  expect(JSON.parse(await network.server.sure([...SERVER, 'list-peers', 'acme', '--json']))).toHaveLength(3);
  await holder.stop();
});

it('two that reach the relay of `new` by IPv6 talk, by the kernel where it can forward for one interface', async () => {
  const server = await network.lab.host('six');
  const say = (...argv: string[]) => server.sure([...SERVER, ...argv, '--yes']);
  const endpoint = ['--external-endpoint', `[${server.address6}]:51820`];
  await say('new', '--network-name', 'six', '--network-cidr', '10.43.0.0/16', ...endpoint);
  await server.spawn([...SERVER, 'serve', 'six']).line(/listening/);
  await say('add-cidr', 'six', '--name', 'humans', '--cidr', '10.43.1.0/24', '--parent', 'six');
  const hosts: Host[] = [];
  for (const name of ['eve', 'max']) {
    const [host, file] = [await network.lab.host(name), `${name}.toml`];
    await say(
      'add-peer',
      'six',
      '--name',
      name,
      '--cidr',
      'humans',
      '--auto-ip',
      '--save-config',
      `/run/${file}`,
    );
    await host.sure(['sh', '-c', 'cat >"/run/$0"', file], {
      input: await server.sure(['cat', `/run/${file}`]),
    });
    await host.sure([...CLIENT, 'install', `/run/${file}`, '--default-name']);
    hosts.push(host);
  }
  const [eve, max] = hosts as [Host, Host];
  const at = { server, device: 'six', relay: `[${server.address6}]:${PORT}` };
  await meetAt(at, [eve, 2], [max, '10.43.1.2']);
  await meetAt(at, [max, 3], [eve, '10.43.1.1']);
  await until('eve reaches max', () => reaches(eve, '10.43.1.2'));
  const counters = [...LIST, 'counters', 'table', 'ip6', 'innernet-relay-six'];
  const passed = async (): Promise<number> => passedIn((await server.exec(counters)).stdout).sent;
  const passedOn50 = async (): Promise<number> => {
    const before = await passed();
    await eve.sure(['ping', '-q', '-i', '0.01', '-c', '50', '10.43.1.2'], { timeout: 60_000 });
    return (await passed()) - before;
  };
  if (canLend(6)) await until('the kernel passes data', async () => (await passedOn50()) >= 0.9 * 2 * 50, 60);
  else expect(await passedOn50()).toBe(0);
  await say('clear-relay', 'six');
  await until(
    'the table is gone',
    async () => (await server.exec([...LIST, 'table', 'ip6', 'innernet-relay-six'])).code !== 0,
  );
  expect(await server.sure(['cat', '/proc/sys/net/ipv6/conf/all/forwarding'])).toBe('0\n');
  const forced = '/proc/sys/net/ipv6/conf/eth0/force_forwarding';
  await until('forwarding is off', async () => (await server.exec(['cat', forced])).stdout !== '1\n');
});
