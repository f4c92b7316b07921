// Our client on innernet 2.0's server: it joins, polls, reports and administers; and goes over to ours by itself.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../e2e/small-network.ts';
import { Lab, type Running } from '../lab.ts';
import { invitationFolder, known, NewClient, NewServer, OldServer, pings } from './programs.ts';

const invitations = invitationFolder();
let lab: Lab;
let server: OldServer;
let serving: Running;
let ann: NewClient;
let bob: NewClient;

const addPeer = (name: string, admin: boolean) =>
  server.sure(
    ...['add-peer', 'acme', '--name', name, '--cidr', 'humans', '--auto-ip', '--admin', String(admin)],
    ...['--save-config', invitations.path(name), '--invite-expires', '1d', '--yes'],
  );

beforeAll(async () => {
  lab = await Lab.create();
  server = new OldServer(await lab.host('server'));
  await server.create();
  serving = await server.serve();
  await server.sure(
    'add-cidr',
    'acme',
    '--name',
    'humans',
    '--cidr',
    '10.61.1.0/24',
    '--parent',
    'acme',
    '--yes',
  );
  ann = new NewClient(await lab.host('ann'));
  bob = new NewClient(await lab.host('bob'));
});
afterAll(async () => {
  await lab.close();
  invitations.remove();
});

describe('our client', () => {
  it('joins, and says once that there is no live stream', async () => {
    await addPeer('ann', true);
    const { code, stderr } = await ann.run('install', invitations.path('ann'), '--default-name');
    expect([code, stderr]).toEqual([0, expect.stringContaining('this server has no live stream')]);
    await until('10.61.0.1 answers ann', () => pings(ann.host, '10.61.0.1'));
  });

  it('administers: each change is there, a rule that says no says why', async () => {
    const said = async (...args: string[]) => (await ann.sure(...args)).trim();
    expect(await said('add-cidr', 'acme', '--name', 'machines', '--cidr', '10.61.2.0/24')).toMatch(/^added/);
    expect(await said('rename-cidr', 'acme', '--name', 'machines', '--new-name', 'robots')).toMatch(
      /^renamed/,
    );
    expect(await said('list-cidrs', 'acme', '--tree')).toMatch(
      /├─ humans .*\n└─ robots|├─ robots .*\n└─ humans|humans[\s\S]*robots/,
    );
    const overlap = await ann.run('add-cidr', 'acme', '--name', 'more', '--cidr', '10.61.2.0/23');
    expect([overlap.code, overlap.stderr]).toEqual([1, expect.stringMatching(/overlaps|belongs/)]);
    const invite = ['--cidr', 'humans', '--admin', 'false', '--save-config', invitations.path('bob')];
    expect(await said('add-peer', 'acme', '--name', 'bob', ...invite)).toContain('at 10.61.1.2');
    await bob.sure('install', invitations.path('bob'), '--default-name');
    expect(await said('add-association', 'acme', 'humans', 'robots')).toMatch(/associated|added/);
    expect(await said('list-associations', 'acme')).toContain('robots');
    expect(await said('delete-association', 'acme', 'humans', 'robots')).toMatch(/deleted|removed/);
    expect(await said('rename-peer', 'acme', '--name', 'bob', '--new-name', 'robert')).toMatch(/^renamed/);
    expect(await said('disable-peer', 'acme', '--name', 'robert', '--dry-run')).toContain(
      'nothing was changed',
    );
    expect(await said('list-peers', 'acme')).toMatch(/robert +10\.61\.1\.2 +humans +joined/);
    const gone = await ann.run('delete-peer', 'acme', '--name', 'robert', '--yes');
    expect([gone.code, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/cannot delete peers[\s\S]*disable-peer/),
    ]);
    expect(await said('delete-cidr', 'acme', '--name', 'robots')).toMatch(/^deleted/);
  });

  it('shows a peer that is no admin what it may see', async () => {
    expect(await bob.sure('list-cidrs', 'acme', '--tree')).toContain('humans');
    const { code, stderr } = await bob.run('add-cidr', 'acme', '--name', 'x', '--cidr', '10.61.9.0/24');
    expect([code, stderr]).toEqual([1, expect.stringContaining('may do this')]);
  });

  it('an endpoint of its own is told, and taken back', async () => {
    await bob.sure('set-listen-port', 'acme', '-l', '51999');
    await bob.sure('override-endpoint', 'acme', '-e', '198.51.100.9:51999');
    expect(await ann.sure('list-peers', 'acme', '--json')).toContain('198.51.100.9:51999');
    await bob.sure('override-endpoint', 'acme', '--unset');
    expect(await ann.sure('list-peers', 'acme', '--json')).not.toContain('198.51.100.9:51999');
  });

  it('polls: who comes and who goes, with pins and names', async () => {
    const following = ann.start('up', '--daemon', '--interval', '1', 'acme');
    await following.line(/no live stream/);
    await until('ann knows robert', async () => (await known(ann.host)).includes('10.61.1.2/32'));
    await bob.sure('up', 'acme');
    await until('they meet', () => pings(ann.host, '10.61.1.2'));
    expect(await ann.host.sure(['cat', '/etc/hosts'])).toContain('10.61.1.2 robert.acme.wg');
    expect(await ann.sure('show', 'acme')).toContain('the server has no live stream');
    await ann.sure('disable-peer', 'acme', '--name', 'robert', '--yes');
    await until('robert is gone', async () => !(await known(ann.host)).includes('10.61.1.2/32'));
    await ann.sure('enable-peer', 'acme', '--name', 'robert');
    await until('he is back', async () => (await known(ann.host)).includes('10.61.1.2/32'));
  });

  it('goes over to the stream when the server is replaced by ours, without a word from anybody', async () => {
    serving.kill('SIGKILL');
    await serving.ended;
    const ours = new NewServer(server.host);
    await ours.serve();
    await until('ann is on the stream', async () => {
      const [report] = JSON.parse(await ann.sure('show', 'acme', '--json'));
      return report.isConnected && !report.isPolled && report.position > 0;
    });
    await ours.sure('rename-peer', 'acme', '--name', 'robert', '--new-name', 'bob', '--yes');
    await until('news are live', async () => (await ann.sure('show', 'acme', '--short')).includes('bob'));
    await bob.sure('up', 'acme');
    await until('they still meet', () => pings(ann.host, '10.61.1.2'));
  });
});
