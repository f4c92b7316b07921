// Peers behind routers meet: the real programs, real NAT, and 20 ms of delay in each host's cable unless told.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Host } from '../lab.ts';
import { type JoinOptions, join as joinNetwork, meet, type Peer } from './meeting.ts';
import { CLIENT, onDevice, reaches, reportOf, SmallNetwork, until } from './small-network.ts';

const delayMs = 20;
let network: SmallNetwork;
/** Each test has two CIDRs and peers of its own, which those of the others do not see. */
let count = 0;
const peers: Peer[] = [];

beforeAll(async () => {
  network = await SmallNetwork.create();
});
afterAll(() => network.close());

beforeEach(async () => {
  count += 1;
  await addCidr('here', 2 * count);
  await addCidr('there', 2 * count + 1);
});
afterEach(async () => {
  await Promise.all(peers.splice(0).map(({ running }) => running.stop()));
});

const addCidr = (name: Side, third: number): Promise<string> => {
  const block = ['--cidr', `10.42.${third}.0/24`, '--parent', 'acme'];
  return network.admin('add-cidr', 'acme', '--name', `${name}${count}`, ...block);
};

type Side = 'here' | 'there';

const join = async (
  name: string,
  { side = 'here', ...options }: Omit<JoinOptions, 'cidr'> & { side?: Side } = {},
): Promise<Peer> => {
  const terms = { delayMs, ...options, cidr: `${side}${count}` };
  const peer = await joinNetwork(network, `${name}${count}`, terms);
  peers.push(peer);
  return peer;
};

const associate = () => network.admin('add-association', 'acme', `here${count}`, `there${count}`);

/** Where the host's device has the peer with that address. */
const endpointOf = async (host: Host, ip: string): Promise<string> => {
  const lines = (await host.sure(['wg', 'show', 'acme', 'dump'])).split('\n').map((line) => line.split('\t'));
  return lines.find(([, , , allowed]) => allowed === `${ip}/32`)?.[2] ?? '';
};

const reasonAt = async ({ host }: Peer, { ip }: Peer): Promise<string | null | undefined> =>
  (await reportOf(host)).peers.find((peer) => peer.ip === ip)?.unreached;

describe('two peers behind a router each', () => {
  it.each(['drop', 'reject'] as const)('meet where unasked packets meet a %s', async (unsolicited) => {
    const ann = await join('ann', { behind: await network.lab.router('one', { unsolicited }) });
    const two = await network.lab.router('two', { unsolicited });
    const ryo = await join('ryo', { behind: two, side: 'there' });
    await meet(`both behind ${unsolicited}`, [ann, ryo], associate);
    await meet('the other way', [ryo, ann]);
    await until('nobody is left on the device', async () => (await keysOn(ann.host)) === 2);
  });

  it('say why they do not meet where both change ports, and a revocation does not wait for them', async () => {
    const random = { ports: 'random' } as const;
    const ann = await join('ann', { behind: await network.lab.router('one', random) });
    const ryo = await join('ryo', { behind: await network.lab.router('two', random) });
    const bob = await join('bob');
    await meet('bob is reached', [ann, bob]);
    // The second round is over after 10 s, the third begins after 40 s: these tries are under way.
    await network.admin('disable-peer', 'acme', '--name', bob.host.name);
    await until('bob is gone', async () => !(await onDevice(ann.host)).includes(bob.ip));
    expect(await onDevice(ann.host)).toContain(ryo.ip);
    expect(await reaches(ann.host, ryo.ip)).toBe(false);
    const reason = 'the routers of both ends change ports (symmetric NAT)';
    await until('the reason is shown', async () => (await reasonAt(ann, ryo)) === reason);
    await until('at the other end too', async () => (await reasonAt(ryo, ann)) === reason);
    expect(await ann.host.sure([...CLIENT, 'show', 'acme'])).toContain(`not reached: ${reason}`);
  });
});

/** Peers of the host's device, throwaway ones too. */
const keysOn = async (host: Host): Promise<number> =>
  (await host.sure(['wg', 'show', 'acme', 'peers'])).trim().split('\n').length;

it('a newcomer meets one that joins in the same moment', async () => {
  const [ann, bob] = await Promise.all([join('ann'), join('bob')]);
  await meet('both joined at once', [ann, bob]);
  await meet('the other way', [bob, ann]);
});

it('peers on one LAN use its addresses', async () => {
  const router = await network.lab.router('home');
  const ann = await join('ann', { behind: router, delayMs: 0 });
  const ryo = await join('ryo', { behind: router, delayMs: 0, side: 'there' });
  await meet('on one LAN', [ann, ryo], associate);
  expect(await endpointOf(ann.host, ryo.ip)).toMatch(/^192\.168\./);
  expect(await endpointOf(ryo.host, ann.ip)).toMatch(/^192\.168\./);
});

it('one behind a router that changes ports meets one in the open', async () => {
  const ann = await join('ann', { behind: await network.lab.router('home', { ports: 'random' }) });
  const ryo = await join('ryo', { side: 'there' });
  await meet('one in the open', [ann, ryo], associate);
  await meet('the other way', [ryo, ann]);
});

it('a machine that comes up without staying is reached, also by those who are silent towards it', async () => {
  const bob = await join('bob', { delayMs: 0 });
  await bob.running.stop();
  await bob.host.sure([...CLIENT, 'down', 'acme']);
  const ann = await join('ann', { delayMs: 0 });
  await until('ann is silent', async () => (await endpointOf(ann.host, bob.ip)) === '(none)', 60);
  await bob.host.sure([...CLIENT, 'up', 'acme']);
  await meet('back again', [ann, bob]);
});

it('a newcomer meets who is there, a router before each, and takes its tunnels to another network', async () => {
  const ann = await join('ann', { behind: await network.lab.router('home') });
  const ryo = await join('ryo', { behind: await network.lab.router('office') });
  await meet('at home', [ann, ryo]);
  await meet('and the newcomer', [ryo, ann]);
  const cafe = await network.lab.router('cafe');
  await meet('in the café', [ann, ryo], () => network.lab.move(ann.host, cafe));
  await meet('back from the café', [ryo, ann]);
  await ann.running.line(/another address/);
  expect(await endpointOf(ryo.host, ann.ip)).toContain(cafe.address);
});
