// Both daemons under a supervisor: what it hears, and that stopping the process alone takes no tunnel down.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { folderForSockets } from '../folder-for-sockets.ts';
import { BROKEN } from '../lab/pings.ts';
import type { Running } from '../lab.ts';
import { NotifySocket } from '../notify-socket.ts';
import { CLIENT, type Host, missedPings, reaches, SERVER, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bob: Host;
const folder = folderForSockets('innernet-notify-');

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
  await network.stopServing('SIGTERM');
});
afterAll(async () => {
  await network.close();
  rmSync(folder, { recursive: true, force: true });
});

type Supervised = { daemon: Running; ear: NotifySocket };
let sockets = 0;

/** Starts a daemon as systemd does for Type=notify with a watchdog of a second, and waits until it is ready. */
const supervised = async (host: Host, argv: readonly string[]): Promise<Supervised> => {
  const ear = new NotifySocket(join(folder, `notify-${++sockets}`));
  const env = { NOTIFY_SOCKET: ear.path, WATCHDOG_USEC: '1000000' };
  const daemon = host.spawn(argv, { env });
  await ear.hears('READY=1');
  return { daemon, ear };
};

/** As `systemctl stop` with KillMode=process: one signal to the main process, which must end by itself. */
const stop = async ({ daemon, ear }: Supervised): Promise<void> => {
  expect(await daemon.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(ear.said.at(-1)).toBe('STOPPING=1\n');
  ear.close();
};

const serve = () => supervised(network.server, [...SERVER, 'serve', 'acme']);
const follow = (host: Host) => supervised(host, [...CLIENT, 'up', '--daemon', 'acme']);

it('hears when the daemons are ready, what they do and that they are alive', async () => {
  const server = await serve();
  expect(server.ear.said[0]).toMatch(/^READY=1\nSTATUS=serving acme on 10.42.0.1:51820: position \d+\n$/);
  const client = await follow(ann);
  await client.ear.hears('STATUS=acme: up, connected to the server');
  await server.ear.hears('WATCHDOG=1', 4);
  await client.ear.hears('WATCHDOG=1', 4);
  server.daemon.kill('SIGSTOP');
  const before = server.ear.count('WATCHDOG=1');
  await client.ear.hears('WATCHDOG=1', client.ear.count('WATCHDOG=1') + 4);
  expect(server.ear.count('WATCHDOG=1')).toBe(before);
  server.daemon.kill('SIGCONT');
  await server.ear.hears('WATCHDOG=1', before + 1);
  await stop(client);
  await stop(server);
});

it('a daemon whose tunnels are up is ready, also without a server', async () => {
  const client = await follow(ann);
  expect(client.ear.said[0]).toBe('READY=1\nSTATUS=acme: up, not connected to the server\n');
  await stop(client);
});

it('a daemon that cannot start is never ready', async () => {
  const ear = new NotifySocket(join(folder, 'nope'));
  const { code } = await ann.exec([...CLIENT, 'up', '--daemon', 'nope'], {
    env: { NOTIFY_SOCKET: ear.path },
  });
  expect([code, ear.said]).toEqual([1, []]);
  ear.close();
});

it('stopped and started again, both daemons leave the tunnels standing', async () => {
  let server = await serve();
  let client = await follow(ann);
  const other = await follow(bob);
  await until('the peers reach each other', () => reaches(ann, '10.42.1.2'));
  await until('ann reaches the server', () => reaches(ann, '10.42.0.1'));
  let toBob = -1;
  const toServer = await missedPings(ann, '10.42.0.1', async () => {
    toBob = await missedPings(ann, '10.42.1.2', async () => {
      await stop(server);
      await stop(client);
      server = await serve();
      client = await follow(ann);
      await client.ear.hears('STATUS=acme: up, connected to the server');
    });
  });
  expect(Math.max(toServer, toBob)).toBeLessThan(BROKEN);
  for (const one of [client, other, server]) await stop(one);
  expect(await reaches(ann, '10.42.1.2')).toBe(true);
});
