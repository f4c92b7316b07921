// A verb that cuts somebody off while nobody serves: the server's own WireGuard lets go at once, and the verb says the rest.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Host, onDevice, reaches, SERVER, SmallNetwork } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bob: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  await network.stopServing('SIGTERM');
});
afterAll(() => network.close());

const verb = (...argv: string[]) => network.server.exec([...SERVER, ...argv, '--yes']);

it('a peer is disabled: its tunnel to the server is cut, the others are not told, and the verb says so', async () => {
  expect(await reaches(ann, '10.42.0.1')).toBe(true);
  const { stdout, stderr } = await verb('disable-peer', 'acme', '--name', 'ann', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ inForce: false, events: [{ type: 'PeerDisabled' }] });
  expect(stderr).toContain('nobody serves acme: no other peer has been told');
  expect(stderr).toContain('hint: they are told once it is served: innernet-server serve acme');
  expect(await onDevice(network.server)).toEqual(['10.42.1.2']);
  expect(await reaches(ann, '10.42.0.1')).toBe(false);
  expect(await reaches(bob, '10.42.0.1')).toBe(true);
});

it('what takes nothing from anybody says nothing of it', async () => {
  const { stdout, stderr } = await verb(
    'rename-peer',
    'acme',
    '--name',
    'ann',
    '--new-name',
    'anna',
    '--json',
  );
  expect(JSON.parse(stdout)).not.toHaveProperty('inForce');
  expect(stderr).toBe('');
});

it('undoing takes away as well', async () => {
  const { stdout } = await verb('enable-peer', 'acme', '--name', 'anna', '--json');
  const enabled = JSON.parse(stdout).position;
  await network.serve();
  expect(await onDevice(network.server)).toEqual(['10.42.1.1', '10.42.1.2']);
  await network.stopServing('SIGKILL');
  const { stderr } = await verb('revert', 'acme', String(enabled));
  expect(stderr).toContain('no other peer has been told');
  expect(await onDevice(network.server)).toEqual(['10.42.1.2']);
});

it('while it is served the server does all of it, and the verb says nothing', async () => {
  await network.serve();
  const { stdout, stderr } = await verb('disable-peer', 'acme', '--name', 'bob', '--json');
  expect(JSON.parse(stdout)).not.toHaveProperty('inForce');
  expect(stderr).toBe('');
});

it('a device of somebody else is left alone', async () => {
  await verb('enable-peer', 'acme', '--name', 'bob');
  await network.stopServing('SIGTERM');
  const key = await network.server.sure(['wg', 'genkey']);
  await network.server.sure(['wg', 'set', 'acme', 'private-key', '/dev/stdin'], { input: key });
  await verb('disable-peer', 'acme', '--name', 'bob');
  expect(await onDevice(network.server)).toContain('10.42.1.2');
});
