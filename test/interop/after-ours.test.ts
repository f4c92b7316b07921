// R26: innernet's own client on a machine where ours was before it, stopped, killed or taken down: nothing of ours keeps it
// from the range.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CLIENT } from '../e2e/small-network.ts';
import { type Host, Lab, type Running } from '../lab.ts';
import { invitationFolder, NewServer, OldClient, pings, until } from './programs.ts';

const SERVER_IP = '10.61.0.1';
const invitations = invitationFolder();
let lab: Lab;
let host: Host;
let theirs: OldClient;

beforeAll(async () => {
  lab = await Lab.create();
  const server = new NewServer(await lab.host('server'));
  await server.create();
  await server.serve();
  await server.addCidr('humans', '10.61.1.0/24');
  await server.invite('ann', 'humans', invitations.path('ann'), false);
  host = await lab.host('ann');
  await host.sure([...CLIENT, 'install', invitations.path('ann'), '--default-name']);
  theirs = new OldClient(host);
});
afterAll(async () => {
  await lab.close();
  invitations.remove();
});

const follow = async (): Promise<Running> => {
  const daemon = host.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await daemon.line(/up at/);
  await until('the guard stands', async () =>
    (await host.sure(['ip', 'route', 'show', 'table', 'all'])).includes('unreachable'),
  );
  return daemon;
};

/** Each way in which a machine may be left by our program. */
const WAYS: [string, (daemon: Running) => Promise<unknown>][] = [
  [
    'killed, and its device deleted',
    async (daemon) => {
      daemon.kill('SIGKILL');
      await daemon.ended;
      return host.sure(['ip', 'link', 'delete', 'acme']);
    },
  ],
  ['stopped, its device left', (daemon) => daemon.stop('SIGTERM')],
  ['taken down', () => host.sure([...CLIENT, 'down', 'acme'])],
];

it.each(WAYS)("innernet's own client works where ours was %s", async (_way, leave) => {
  const daemon = await follow();
  await leave(daemon);
  await theirs.name();
  await theirs.sure('up', 'acme');
  await until('the server is reached', () => pings(host, SERVER_IP));
  expect(await host.sure(['ip', 'route', 'get', SERVER_IP])).toContain('dev acme');
  await host.exec(['ip', 'link', 'delete', 'acme']);
});
