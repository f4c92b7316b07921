// The way back: innernet 2.0's server serves what ours has exported, and its clients notice nothing.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../e2e/small-network.ts';
import { Lab, type Running } from '../lab.ts';
import { invitationFolder, known, NewServer, OldClient, OldServer, pings } from './programs.ts';

const invitations = invitationFolder();
const DATA = '/var/lib/innernet-server';
let lab: Lab;
let ours: NewServer;
let theirs: OldServer;
let ann: OldClient;
let ryo: OldClient;
let serving: Running;

const join = async (name: string, cidr: string, isAdmin = false): Promise<OldClient> => {
  await ours.invite(name, cidr, invitations.path(name), isAdmin);
  const client = new OldClient(await lab.host(name));
  await client.install(invitations.path(name));
  return client;
};

beforeAll(async () => {
  lab = await Lab.create();
  const host = await lab.host('server');
  ours = new NewServer(host);
  theirs = new OldServer(host);
  await ours.create();
  serving = await ours.serve();
  await ours.addCidr('humans', '10.61.1.0/24');
  await ours.addCidr('machines', '10.61.2.0/24');
  await ours.addCidr('guests', '10.61.3.0/24');
  ann = await join('ann', 'humans', true);
  ryo = await join('ryo', 'machines');
  await join('bob', 'humans');
  await join('gus', 'guests');
  await ours.sure('add-association', 'acme', 'humans', 'machines', '--yes');
  await ours.invite('eve', 'humans', invitations.path('eve'));
  await ours.sure('delete-peer', 'acme', '--name', 'bob', '--yes');
  await ours.sure('delete-peer', 'acme', '--name', 'gus', '--yes');
  await ours.sure('delete-cidr', 'acme', '--name', 'guests', '--yes');
  for (const client of [ann, ryo]) await client.sure('fetch', 'acme');
  await until('ann reaches ryo', () => pings(ann.host, '10.61.2.1'));
}, 300_000);
afterAll(async () => {
  await lab.close();
  invitations.remove();
});

describe("innernet 2.0's server", () => {
  it('serves the exported database under clients that go on', async () => {
    const { stdout, stderr } = await ours.run('export', 'acme', '--innernet-db', `${DATA}/acme.db`);
    expect(stdout).toContain('6 peers, 5 CIDRs, 1 associations');
    expect(stderr).toContain('that peer "bob" (10.61.1.2) was deleted');
    const ping = ann.host.spawn(['ping', '-n', '-i', '0.1', '-c', '80', '10.61.2.1']);
    await serving.stop();
    await ours.host.sure([
      'sh',
      '-c',
      `mkdir ${DATA}/log && mv ${DATA}/acme.events* ${DATA}/acme.witness ${DATA}/log`,
    ]);
    serving = await theirs.serve();
    await ping.ended;
    expect(ping.lines.join('\n')).toContain(' 0% packet loss');
    for (const client of [ann, ryo]) {
      const said = await client.sure('fetch', 'acme');
      expect(said).not.toContain('PINNING');
    }
    expect(await known(ann.host)).toContain('10.61.2.1/32');
    expect(await known(ann.host)).not.toContain('10.61.1.2/32');
  });

  it('lets an open invitation be redeemed', async () => {
    const eve = new OldClient(await lab.host('eve'));
    await eve.install(invitations.path('eve'));
    await until('10.61.0.1 answers eve', () => pings(eve.host, '10.61.0.1'));
  });

  it('keeps the addresses of deleted peers away from others', async () => {
    const add = (name: string, cidr: string, ip: string) =>
      ann.run(
        ...['add-peer', 'acme', '--name', name, '--cidr', cidr, '--ip', ip, '--admin', 'false', '--yes'],
        ...['--invite-expires', '1d', '--save-config', invitations.path(name)],
      );
    const refused = await add('thief', 'humans', '10.61.1.2');
    expect([refused.code, refused.stdout + refused.stderr]).toEqual([
      1,
      expect.stringMatching(/status code [45]\d\d/),
    ]);
    expect((await add('other', 'humans', '10.61.1.77')).code).toBe(0);
    const { code } = await ann.run(
      ...['add-cidr', 'acme', '--name', 'again', '--cidr', '10.61.3.0/24', '--parent', 'acme', '--yes'],
    );
    expect(code).not.toBe(0);
    await ann.sure(
      'add-cidr',
      'acme',
      '--name',
      'robots',
      '--cidr',
      '10.61.4.0/24',
      '--parent',
      'acme',
      '--yes',
    );
  });

  it('can be taken over again', async () => {
    await serving.stop();
    serving = await ours.serve();
    expect(serving.lines.join('\n')).toMatch(/took over acme from .*: 7 peers, 6 CIDRs, 1 associations/);
    await ann.sure('rename-peer', 'acme', '--name', 'other', '--new-name', 'another', '--yes');
    expect((await ours.history()).at(-1)).toMatchObject({ type: 'PeerRenamed', actor: { name: 'ann' } });
  });
});
