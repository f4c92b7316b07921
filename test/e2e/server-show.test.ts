// Who is connected and who was seen when, on the server's machine and for an admin; and its tunnels taken down.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLIENT, type Host, reaches, SERVER, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await network.admin('grant-admin', 'acme', 'ann');
  await network.join('bob');
  await network.invite('late');
});
afterAll(() => network.close());

const onServer = (...argv: string[]) => network.server.sure([...SERVER, ...argv]);
type Shown = { name: string; isConnected: boolean; lastSeen: string | null };
const shown = async () => JSON.parse(await onServer('show', '--json'))[0];
const peerShown = async (name: string): Promise<Shown> =>
  (await shown()).peers.find((peer: Shown) => peer.name === name);

it('a network that is served: each peer with its address, and whether it is connected', async () => {
  const text = await onServer('show');
  expect(text).toMatch(
    /^network: acme \(10\.42\.0\.0\/16\), this server at 10\.42\.0\.1\n {2}is being served\n/,
  );
  expect(text).toContain('2 of 3 peers connected');
  expect(text).toContain('| ◉ 10.42.1.1: ann (humans), seen now\n');
  expect(text).toMatch(/\| ◯ 10\.42\.1\.3: late \(humans\), invited until /);
  expect(await peerShown('late')).toMatchObject({ isConnected: false, lastSeen: null });
});

it('an admin sees the same from a peer', async () => {
  await until('the server has read its device', async () =>
    /^bob .* joined +now /m.test(await ann.sure([...CLIENT, 'list-peers', 'acme'])),
  );
  expect(await ann.sure([...CLIENT, 'list-peers', 'acme'])).toMatch(
    /^late .* invited until \S+ \S+ +(proved)?/m,
  );
});

it('is not taken down while it is served', async () => {
  const { code, stderr } = await network.server.exec([...SERVER, 'down', 'acme']);
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('stop it first: systemctl stop innernet-server@acme'),
  ]);
  expect(await reaches(ann, '10.42.0.1')).toBe(true);
});

it('stopped and taken down, it says so, and remembers who was seen', async () => {
  await network.stopServing('SIGTERM');
  expect(network.said.join('\n')).toMatch(/its tunnels stay up until: innernet-server down acme/);
  expect(await onServer('show', 'acme')).toContain('not served: no change is passed on: systemctl start');
  expect(await onServer('down', 'acme', '--dry-run')).toContain('remove the device acme');
  expect(await reaches(ann, '10.42.0.1')).toBe(true);
  expect(await onServer('down')).toBe('acme is down\n');
  expect(await shown()).toMatchObject({ isServed: false, isUp: false });
  expect(await peerShown('bob')).toMatchObject({
    isConnected: false,
    lastSeen: expect.stringMatching(/^20/),
  });
  const again = await network.server.exec([...SERVER, 'down', 'acme']);
  expect([again.code, again.stderr]).toEqual([0, 'innernet-server: acme is down already\n']);
});
