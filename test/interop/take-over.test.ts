// An evening's move: innernet 2.0's server stops, ours serves its network in its place, machine by machine.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../e2e/small-network.ts';
import { Lab, type Running } from '../lab.ts';
import { invitationFolder, known, NewClient, NewServer, OldClient, OldServer, pings } from './programs.ts';

const invitations = invitationFolder();
let lab: Lab;
let before: OldServer;
let after: NewServer;
let ann: OldClient;
let ryo: OldClient;
let oldServing: Running;
let newServing: Running;

const DATABASE = '/var/lib/innernet-server/acme.db';

beforeAll(async () => {
  lab = await Lab.create();
  const host = await lab.host('server');
  before = new OldServer(host);
  after = new NewServer(host);
  ann = new OldClient(await lab.host('ann'));
  ryo = new OldClient(await lab.host('ryo'));
  await before.create();
  for (const [name, cidr] of [
    ['humans', '10.61.1.0/24'],
    ['machines', '10.61.2.0/24'],
  ] as const)
    await before.sure('add-cidr', 'acme', '--name', name, '--cidr', cidr, '--parent', 'acme', '--yes');
  oldServing = await before.serve();
  await invite('ann', 'humans', true);
  await invite('ryo', 'machines');
  await invite('eve', 'humans');
  await ann.install(invitations.path('ann'));
  await ryo.install(invitations.path('ryo'));
  await ann.sure('add-association', 'acme', 'humans', 'machines', '--yes');
  await ann.sure('rename-cidr', 'acme', '--name', 'humans', '--new-name', 'Menschen & Co', '--yes');
  await ryo.sure('set-listen-port', 'acme', '-l', '4000', '--yes');
  await ryo.sure('override-endpoint', 'acme', '-e', '0.0.0.0:4000', '--yes');
  for (const client of [ann, ryo, ann]) await client.sure('fetch', 'acme');
  await until('ann reaches ryo', () => pings(ann.host, '10.61.2.1'));
});
afterAll(async () => {
  await lab.close();
  invitations.remove();
});

const invite = (name: string, cidr: string, isAdmin = false): Promise<string> =>
  before.sure(
    ...['add-peer', 'acme', '--name', name, '--cidr', cidr, '--auto-ip', '--admin', String(isAdmin)],
    ...['--invite-expires', '7d', '--save-config', invitations.path(name), '--yes'],
  );

const checksum = async (): Promise<string> => after.host.sure(['sha256sum', DATABASE]);

describe('taking over a server', () => {
  it('is refused while the other one runs', async () => {
    const sum = await checksum();
    const { code, stderr } = await after.run('serve', 'acme', '--no-write-hosts');
    expect(code).toBe(1);
    expect(stderr).toMatch(/acme\.db is open in innernet-server \(process \d+\)/);
    expect(stderr).toContain('systemctl disable --now innernet-server@acme');
    expect(await checksum()).toBe(sum);
    expect((await after.host.sure(['ls', '/var/lib/innernet-server'])).split('\n')).not.toContain(
      'acme.events',
    );
  });

  it('loses no packet between peers, and none to the server', async () => {
    const polling = () => ann.start('up', '--daemon', '--interval', '1', 'acme');
    let daemon = polling();
    const watched = [
      ann.host.spawn(['ping', '-n', '-i', '0.1', '-c', '150', '10.61.2.1']),
      ann.host.spawn(['ping', '-n', '-i', '0.1', '-c', '150', '10.61.0.1']),
    ];
    await oldServing.stop();
    const sum = await checksum();
    newServing = await after.serve();
    const said = newServing.lines.join('\n');
    expect(said).not.toMatch(/error|cannot/);
    expect(said).toMatch(/took over acme from .*: 4 peers, 4 CIDRs, 1 associations/);
    expect(said).toContain('CIDR "Menschen & Co" has a name that could not be given here');
    expect(await checksum()).toBe(sum);
    for (const ping of watched) {
      await ping.ended;
      expect(ping.lines.join('\n')).toContain(' 0% packet loss');
    }
    // One poll that finds nobody ends innernet 2.0's daemon, and its unit starts it again (`Restart=always`).
    if (!daemon.running) {
      daemon = polling();
      await new Promise((resolve) => setTimeout(resolve, 5000));
    }
    expect(daemon.running).toBe(true);
    await daemon.stop();
    expect(await ann.sure('fetch', 'acme')).not.toContain('modified');
  });

  it('is one commit, made by whoever started it', async () => {
    const entries = await after.history();
    expect(entries[0]).toMatchObject({ type: 'NetworkImported', actor: { kind: 'operator' } });
    const peers = JSON.parse(await after.sure('list-peers', 'acme', '--json'));
    expect(peers).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: 2, name: 'ann', ip: '10.61.1.1' }),
        expect.objectContaining({ id: 3, name: 'ryo', ip: '10.61.2.1', endpoint: '0.0.0.0:4000' }),
        expect.objectContaining({ id: 4, name: 'eve', ip: '10.61.1.2' }),
      ]),
    );
  });

  it('lets an invitation be redeemed that was made before', async () => {
    const eve = new OldClient(await lab.host('eve'));
    await eve.install(invitations.path('eve'));
    await until('10.61.0.1 answers eve', () => pings(eve.host, '10.61.0.1'));
    await ann.sure('fetch', 'acme');
    expect(await known(ann.host)).toContain('10.61.1.2/32');
  });

  it('goes on where it was: old admins administer, endpoints and candidates are served', async () => {
    await ann.sure('rename-cidr', 'acme', '--name', 'Menschen & Co', '--new-name', 'humans', '--yes');
    expect((await after.history()).at(-1)).toMatchObject({ type: 'CidrRenamed', actor: { name: 'ann' } });
    const cache = JSON.parse(await ann.host.sure(['cat', '/var/lib/innernet/acme.json']));
    expect(cache.peers).toContainEqual(
      expect.objectContaining({ name: 'ryo', endpoint: `${ryo.host.address}:4000` }),
    );
  });

  it('happens once: another start takes the log, and warns where the database has changed since', async () => {
    await newServing.stop();
    await before.sure('rename-peer', 'acme', '--name', 'ryo', '--new-name', 'ryu', '--yes');
    newServing = await after.serve();
    expect(newServing.lines.join('\n')).toContain('acme.db has changed since it was taken over');
    const peers: { name: string }[] = JSON.parse(await after.sure('list-peers', 'acme', '--json'));
    expect(peers.map(({ name }) => name)).toContain('ryo');
  });
});

describe("taking over a client's machine", () => {
  it('keeps conf, pins and tunnel: our client goes on with what innernet has left', async () => {
    const conf = await ann.host.sure(['cat', '/etc/innernet/acme.conf']);
    const ours = new NewClient(ann.host);
    const ping = ann.host.spawn(['ping', '-n', '-i', '0.1', '-c', '50', '10.61.2.1']);
    await ours.sure('up', 'acme');
    await ping.ended;
    expect(ping.lines.join('\n')).toContain(' 0% packet loss');
    expect(await ann.host.sure(['cat', '/etc/innernet/acme.conf'])).toBe(conf);
    const shown = await ours.sure('show', 'acme');
    for (const name of ['ann', 'ryo', 'eve']) expect(shown).toContain(name);
    await until("it is noted that ann's key has proved itself", async () => {
      const types = (await after.history()).map(({ type }) => type);
      return types.slice(-2).join() === 'CidrRenamed,PeerProved';
    });
  });

  it('hears live what changes from then on', async () => {
    const ours = new NewClient(ann.host);
    const daemon = ours.start('up', '--daemon', 'acme');
    await until('ann follows', async () => (await ours.run('show', 'acme', '--json')).code === 0);
    await after.sure('disable-peer', 'acme', '--name', 'eve', '--yes');
    await until('eve is gone', async () => !(await known(ann.host)).includes('10.61.1.2/32'));
    await after.sure('enable-peer', 'acme', '--name', 'eve', '--yes');
    await until('eve is back', async () => (await known(ann.host)).includes('10.61.1.2/32'));
    await daemon.stop();
  });

  it("and back: innernet 2.0's client reads our conf and pins", async () => {
    await ann.name();
    await ann.sure('fetch', 'acme');
    expect(await ann.sure('show', '--short', 'acme')).toMatch(/10\.61\.2\.1: ryo/);
    await ann.sure('down', 'acme');
    // It returns when the device's socket is gone, and cannot make the device anew before wireguard-go has ended.
    await until(
      'the device is gone',
      async () => (await ann.host.exec(['ip', 'link', 'show', 'acme'])).code !== 0,
    );
    await ann.sure('up', 'acme');
    await ann.name();
    await until('ann reaches ryo', () => pings(ann.host, '10.61.2.1'));
  });
});

describe('requiring proofs after the move', () => {
  it("keeps an old peer as it is, and answers nothing to innernet 2.0's client where ours has proved itself", async () => {
    await after.sure('require-proof', 'acme', '--yes');
    expect(await ryo.sure('fetch', 'acme')).not.toContain('status code');
    const { code, stdout, stderr } = await ann.run('fetch', 'acme');
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('status code 401')]);
  });

  it('refuses an old admin what changes the network, until proofs are waived for it', async () => {
    await after.sure('grant-admin', 'acme', '--name', 'ryo', '--yes');
    const add = [
      'add-cidr',
      'acme',
      '--name',
      'robots',
      '--cidr',
      '10.61.3.0/24',
      '--parent',
      'acme',
      '--yes',
    ];
    const { code, stdout, stderr } = await ryo.run(...add);
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('status code 403')]);
    await after.sure('waive-proof', 'acme', '--name', 'ryo', '--yes');
    await ryo.sure(...add);
    expect((await after.history()).at(-1)).toMatchObject({ type: 'CidrAdded', actor: { name: 'ryo' } });
  });
});
