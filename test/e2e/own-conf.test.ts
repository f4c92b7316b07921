// What a machine says of itself: its listen port and where it and others are reached, with and without a daemon.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CLIENT,
  follow,
  type Host,
  isConnected,
  reaches,
  SERVER,
  SmallNetwork,
  until,
} from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bob: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
});
afterAll(() => network.close());

const say = (host: Host, ...args: string[]) => host.exec([...CLIENT, ...args]);
const portOf = async (host: Host) => (await host.sure(['wg', 'show', 'acme', 'listen-port'])).trim();
const confOf = (host: Host) => host.sure(['cat', '/etc/innernet/acme.conf']);
const endpointOf = async (host: Host, other: string): Promise<string | undefined> => {
  const { peers } = JSON.parse(await host.sure([...CLIENT, 'show', 'acme', '--json']))[0];
  return peers.find(({ name }: { name: string }) => name === other)?.endpoint;
};

describe('without a daemon', () => {
  it('override-endpoint wants a fixed port first, and says how', async () => {
    const { code, stderr } = await say(ann, 'override-endpoint', 'acme', '-e', '198.51.100.1:51820');
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/listens at any port\n.*hint: first: innernet set-listen-port acme/),
    ]);
  });

  it('set-listen-port changes the device and the conf, and back', async () => {
    expect((await say(ann, 'set-listen-port', 'acme', '-l', '41820')).stdout).toBe(
      'acme listens at port 41820\n',
    );
    expect(await portOf(ann)).toBe('41820');
    expect(await confOf(ann)).toContain('listen-port = 41820');
    expect((await say(ann, 'set-listen-port', 'acme', '-l', '41820')).stdout).toContain('nothing to do');
    await ann.sure([...CLIENT, 'set-listen-port', 'acme', '--unset']);
    expect(await confOf(ann)).not.toContain('listen-port');
    expect(await portOf(ann)).not.toBe('41820');
  });

  it('a port that another program has is refused, and nothing changes', async () => {
    const before = await portOf(ann);
    const script = "require('dgram').createSocket('udp4').bind(41821, () => console.log('bound'))";
    const other = ann.spawn([process.execPath, '-e', script]);
    await other.line(/bound/);
    const { code, stderr } = await say(ann, 'set-listen-port', 'acme', '-l', '41821');
    expect([code, stderr]).toEqual([1, expect.stringContaining('41821 is in use by another program')]);
    expect(await confOf(ann)).not.toContain('listen-port');
    expect(await portOf(ann)).toBe(before);
    other.kill('SIGKILL');
    await other.ended;
    expect(await reaches(ann, '10.42.0.1')).toBe(true);
  });
});

describe('with a daemon', () => {
  it('the port changes under it: the tunnels stand, and it tells the server', async () => {
    await follow(ann);
    await follow(bob);
    await until('they meet', () => reaches(ann, '10.42.1.2'));
    await ann.sure([...CLIENT, 'set-listen-port', 'acme', '--listen-port', '51830']);
    expect(await portOf(ann)).toBe('51830');
    expect(await confOf(ann)).toContain('listen-port = 51830');
    expect(await reaches(ann, '10.42.1.2')).toBe(true);
    await until('it is connected again', () => isConnected(ann));
    await until('bob has the new port', async () => {
      await reaches(bob, '10.42.1.1');
      return (await endpointOf(bob, 'ann')) === `${ann.address}:51830`;
    });
  });

  it('the network is told of an endpoint, and it is taken back', async () => {
    const recorded = async () => {
      const peers = JSON.parse(await network.server.sure([...SERVER, 'list-peers', 'acme', '--json']));
      return peers.find(({ name }: { name: string }) => name === 'ann').endpoint;
    };
    await ann.sure([...CLIENT, 'override-endpoint', 'acme', '-e', '0.0.0.0:51830']);
    expect(await recorded()).toBe('0.0.0.0:51830');
    await ann.sure([...CLIENT, 'override-endpoint', 'acme', '--unset']);
    expect(await recorded()).toBe(null);
  });

  it('a peer is reached elsewhere at once, from this machine only', async () => {
    await ann.sure(['ip', 'addr', 'add', '192.168.77.1/24', 'dev', 'eth0']);
    await bob.sure(['ip', 'addr', 'add', '192.168.77.2/24', 'dev', 'eth0']);
    const at = `192.168.77.1:51830`;
    await bob.sure([...CLIENT, 'override-peer-endpoint', 'acme', '--name', 'ann', '-e', at]);
    expect(await bob.sure(['wg', 'show', 'acme', 'endpoints'])).toContain(at);
    expect(await confOf(bob)).toMatch(
      /\[peer-endpoint-overrides\]\n"10\.42\.1\.1" = "192\.168\.77\.1:51830"/,
    );
    expect(await reaches(bob, '10.42.1.1')).toBe(true);
    expect(await bob.sure([...CLIENT, 'show', 'acme'])).toContain('(overridden here)');
    await bob.sure([...CLIENT, 'override-peer-endpoint', 'acme', '--name', '10.42.1.1', '--unset']);
    expect(await confOf(bob)).not.toContain('peer-endpoint-overrides');
    expect(await bob.sure([...CLIENT, 'show', 'acme'])).not.toContain('(overridden here)');
  });

  it.each([
    [['override-peer-endpoint', 'acme', '--name', 'nobody', '-e', '192.0.2.1:1'], /no other peer "nobody"/],
    [['override-peer-endpoint', 'acme', '--name', 'ann', '-e', '0.0.0.0:1'], /no place to reach a peer/],
    [['set-listen-port', 'acme', '-l', '1', '-u'], /cannot be used with/],
    [['set-listen-port', 'acme'], /--listen-port is missing/],
  ])('%j is refused', async (args, reason) => {
    const { code, stderr } = await say(bob, ...args);
    expect([code !== 0, stderr]).toEqual([true, expect.stringMatching(reason)]);
  });
});
