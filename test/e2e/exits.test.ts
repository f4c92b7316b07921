// Out through a peer's machine: by the user's own word, nothing beside it, and nothing at all when it is away. R81, R82.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Host } from '../lab.ts';
import { join, type Peer } from './meeting.ts';
import { kernelOf, routesOf } from './routed-network.ts';
import { CLIENT, follow, reaches, SmallNetwork, until } from './small-network.ts';

/** A host of the Internet beyond the hosts' own network. */
const FAR = '198.51.100.7';
const FAR6 = '2001:db8:ffff::7';

let network: SmallNetwork;
let far: Host;
let [press, ann]: Peer[] = [];
let before = '';

const peer = (one: Peer | undefined): Peer => {
  if (!one) throw new Error('it has not joined yet');
  return one;
};

const says = ({ host }: Peer, ...argv: string[]): Promise<string> => host.sure([...CLIENT, ...argv]);

/** The far host is the router of the others: they have a way to everywhere by it. */
const defaultVia = async (host: Host): Promise<void> => {
  await host.sure(['ip', 'route', 'add', 'default', 'via', far.address, 'dev', 'eth0']);
  await host.sure(['ip', '-6', 'route', 'add', 'default', 'via', far.address6 ?? '', 'dev', 'eth0']);
};

/** Counts what comes from the user's machine beside WireGuard: the far host is its gateway to all that is not near. */
const countFrom = ({ address, address6 }: Host): Promise<string> =>
  far.sure(['nft', '-f', '-'], {
    input: `table inet leaked { chain in {
      type filter hook prerouting priority raw;
      icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
      ip saddr ${address} counter
      ip6 saddr ${address6} counter
    }
    }
`,
  });

const counted = async (): Promise<number> =>
  [...(await far.sure(['nft', 'list', 'table', 'inet', 'leaked'])).matchAll(/packets (\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );

/** Packets beside the exit while something is done. */
const leakedDuring = async (act: () => Promise<unknown>): Promise<number> => {
  const start = await counted();
  await act();
  return (await counted()) - start;
};

beforeAll(async () => {
  network = await SmallNetwork.create();
  far = await network.lab.host('far');
  await far.sure(['ip', '-batch', '-'], {
    input: `addr add ${FAR}/32 dev lo\naddr add ${FAR6}/128 dev lo\n`,
  });
  press = await join(network, 'press');
  await defaultVia(press.host);
  const invitation = await network.invite('ann');
  const host = await network.lab.host('ann');
  await defaultVia(host);
  await countFrom(host);
  await host.sure(['sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=1', 'net.ipv4.conf.eth0.rp_filter=1']);
  before = await kernelOf(host);
  await host.sure([...CLIENT, 'install', invitation]);
  ann = { host, ip: '', running: await follow(host) };
  await network.admin(
    'add-route',
    'acme',
    '--name',
    'berlin',
    '--exit',
    '--router',
    'press',
    '--for',
    'humans',
  );
  await says(press, 'offer-route', 'acme', '--exit', '--yes');
});
afterAll(() => network.close());

it('an exit that an admin opens is not used by anybody, until the machine itself says so', async () => {
  await until('ann is told', async () => (await routesOf(peer(ann).host)).length === 1);
  expect(await says(peer(ann), 'show', 'acme')).toContain('exit: berlin, not used');
  expect(await reaches(peer(ann).host, FAR)).toBe(true);
  expect(await leakedDuring(() => reaches(peer(ann).host, FAR))).toBeGreaterThan(0);
  const { code, stderr } = await peer(ann).host.exec([...CLIENT, 'use-exit', 'acme', 'paris', '--yes']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('there are: berlin')]);
});

it('R81: in use, all leaves by it, and nothing beside it, IPv6 not at all', async () => {
  const { host } = peer(ann);
  expect(await says(peer(ann), 'use-exit', 'acme', 'berlin', '--dry-run')).toContain('berlin');
  const start = performance.now();
  await says(peer(ann), 'use-exit', 'acme', 'berlin', '--yes');
  await until('the far host answers', () => reaches(host, FAR, 0.3));
  console.log(`exit on: ${Math.round(performance.now() - start)} ms from the verb's start to the first ping`);
  await until('it is shown', async () =>
    (await says(peer(ann), 'show', 'acme')).includes('exit: berlin 0.0.0.0/0 by press'),
  );
  const leaked = await leakedDuring(async () => {
    expect(await reaches(host, FAR)).toBe(true);
    expect(await reaches(host, FAR6)).toBe(false);
  });
  expect(leaked).toBe(0);
  // Its own network stays near, and so does the server.
  expect(await reaches(host, peer(press).host.address)).toBe(true);
});

it('who calls the machine from outside is answered there', async () => {
  expect(await reaches(far, peer(ann).host.address)).toBe(true);
  const from = await far.exec(['ping', '-n', '-c', '1', '-W', '2', '-I', FAR, peer(ann).host.address]);
  expect(from.code).toBe(0);
});

it('R81: the exit’s machine dies, the program dies, the device dies: not a packet leaves beside it', async () => {
  const { host } = peer(ann);
  const leaked = await leakedDuring(async () => {
    await peer(press).host.sure(['ip', 'link', 'set', 'eth0', 'down']);
    expect(await reaches(host, FAR)).toBe(false);
    expect(await reaches(host, FAR6)).toBe(false);
    await peer(ann).running.stop('SIGKILL');
    expect(await reaches(host, FAR)).toBe(false);
    await host.sure(['ip', 'link', 'del', 'acme']);
    expect(await reaches(host, FAR)).toBe(false);
    expect(await reaches(host, FAR6)).toBe(false);
  });
  expect(leaked).toBe(0);
  await peer(press).host.sure(['ip', 'link', 'set', 'eth0', 'up']);
});

it('R82: after a kill, up goes on with it; off, down and a kill before down leave the kernel as it was', async () => {
  const { host } = peer(ann);
  await defaultVia(peer(press).host).catch(() => {});
  await host.sure([...CLIENT, 'down', 'acme']);
  expect(await kernelOf(host)).toBe(before);
  peer(ann).running = await follow(host);
  await until(
    'the far host answers by the exit',
    async () => {
      const { stdout } = await host.exec(['ip', 'route', 'get', FAR]);
      return stdout.includes('dev acme') && (await reaches(host, FAR));
    },
    60,
  );
  await says(peer(ann), 'use-exit', 'acme', 'off', '--yes');
  const { stdout } = await host.exec(['ip', 'rule']);
  expect(stdout).not.toContain('2699');
  expect(await host.sure(['wg', 'show', 'acme', 'fwmark'])).toContain('off');
  expect(await reaches(host, FAR)).toBe(true);
  await says(peer(ann), 'use-exit', 'acme', 'berlin', '--yes');
  await peer(ann).running.stop('SIGKILL');
  await host.sure([...CLIENT, 'down', 'acme']);
  expect(await kernelOf(host)).toBe(before);
});
