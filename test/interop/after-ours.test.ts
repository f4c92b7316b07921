// R26: innernet 2.0's client on a machine where ours was before it: stopped, killed or taken down, it left nothing in the way.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../e2e/small-network.ts';
import { type Host, Lab, type Running } from '../lab.ts';
import { invitationFolder, NewClient, NewServer, OldClient, pings } from './programs.ts';

const SERVER_IP = '10.61.0.1';
const invitations = invitationFolder();
let lab: Lab;
let server: NewServer;
let host: Host;
let ours: NewClient;
let theirs: OldClient;

beforeAll(async () => {
  lab = await Lab.create();
  server = new NewServer(await lab.host('server'));
  await server.create();
  await server.serve();
  await server.addCidr('humans', '10.61.1.0/24');
  await server.invite('ann', 'humans', invitations.path('ann'), false);
  host = await lab.host('ann');
  ours = new NewClient(host);
  theirs = new OldClient(host);
  await ours.sure('install', invitations.path('ann'), '--default-name');
});
afterAll(async () => {
  await lab.close();
  invitations.remove();
});

const follow = async (): Promise<Running> => {
  const daemon = ours.start('up', '--daemon', 'acme');
  await daemon.line(/up at/);
  await until('the guard stands', async () =>
    (await host.sure(['ip', 'route', 'show', 'table', 'all'])).includes('unreachable'),
  );
  return daemon;
};

const deleteDevice = async (): Promise<void> => {
  await host.exec(['ip', 'link', 'delete', 'acme']);
  await until('the device is gone', async () => (await host.exec(['ip', 'link', 'show', 'acme'])).code !== 0);
};

it('is answered nothing, since this key has proved itself, until proofs are waived for it', async () => {
  const daemon = await follow();
  await daemon.stop('SIGTERM');
  await theirs.name();
  const { code, stdout, stderr } = await theirs.run('fetch', 'acme');
  expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('status code 401')]);
  await server.sure('waive-proof', 'acme', '--name', 'ann');
  expect(await theirs.sure('fetch', 'acme')).not.toContain('status code');
  await deleteDevice();
});

/** Each way in which a machine may be left by our program. */
const WAYS: [string, (daemon: Running) => Promise<unknown>][] = [
  [
    'killed, and its device deleted',
    async (daemon) => {
      daemon.kill('SIGKILL');
      await daemon.ended;
      await deleteDevice();
    },
  ],
  ['stopped, its device left', (daemon) => daemon.stop('SIGTERM')],
  ['taken down', () => ours.sure('down', 'acme')],
];

it.each(WAYS)('works where ours was %s', async (_way, leave) => {
  const daemon = await follow();
  await leave(daemon);
  await theirs.name();
  await theirs.sure('up', 'acme');
  await until('the server is reached', () => pings(host, SERVER_IP));
  expect(await host.sure(['ip', 'route', 'get', SERVER_IP])).toContain('dev acme');
  await deleteDevice();
});
