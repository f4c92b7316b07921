// Leaving a network and ending one: what is deleted, what is asked before, and what stays.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, follow, type Host, SERVER, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bob: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bob = (await network.join('bob')).host;
});
afterAll(() => network.close());

const sh = async (host: Host, script: string): Promise<string> =>
  (await host.exec(['sh', '-c', script])).stdout;
const files = (host: Host, ...folders: string[]) => sh(host, `ls -A ${folders.join(' ')}`);
const hasDevice = async (host: Host) => (await host.exec(['ip', 'link', 'show', 'acme'])).code === 0;

describe('innernet uninstall', () => {
  it('without a terminal asks for --yes, and changes nothing', async () => {
    const before = await files(ann, '/etc/innernet', '/var/lib/innernet');
    const { code, stderr } = await ann.exec([...CLIENT, 'uninstall', 'acme']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('/etc/innernet/acme.conf')]);
    expect(stderr).toContain('--yes');
    expect(await files(ann, '/etc/innernet', '/var/lib/innernet')).toBe(before);
    expect(await hasDevice(ann)).toBe(true);
  });

  it('ends the process that follows the network, and takes device, names, key and pins away', async () => {
    const following = await follow(ann);
    await until('bob has a name', async () => (await sh(ann, 'cat /etc/hosts')).includes('bob.acme.wg'));
    expect(await ann.sure([...CLIENT, 'uninstall', 'acme', '--yes'])).toBe('uninstalled acme\n');
    expect(await following.ended).toMatchObject({ code: 0 });
    expect(await hasDevice(ann)).toBe(false);
    expect(await sh(ann, 'cat /etc/hosts')).not.toContain('acme');
    expect(await sh(ann, 'cat /etc/hosts')).toContain('127.0.0.1 localhost');
    for (const folder of ['/etc/innernet', '/var/lib/innernet'])
      expect([folder, await files(ann, folder)]).toEqual([folder, '']);
    // All networks of a machine take turns at its hosts file: that lock stays.
    expect(await files(ann, '/run/innernet')).toBe('hosts.lock\n');
  });

  it('the second time says that there is nothing', async () => {
    const { code, stderr } = await ann.exec([...CLIENT, 'uninstall', 'acme', '--yes']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/acme is not installed[\s\S]*hint: /)]);
  });

  it('finishes what was stopped halfway, and leaves other networks alone', async () => {
    await sh(bob, 'cp /etc/innernet/acme.conf /etc/innernet/other.conf; rm /etc/innernet/acme.conf');
    await bob.sure([...CLIENT, 'uninstall', 'acme', '--yes']);
    expect(await files(bob, '/etc/innernet', '/var/lib/innernet')).not.toContain('acme');
    expect(await files(bob, '/etc/innernet')).toBe('other.conf\n');
  });
});

describe('innernet-server uninstall', () => {
  const folders = ['/etc/innernet-server', '/var/lib/innernet-server'];

  it('is refused while the network is being served', async () => {
    const { code, stderr } = await network.server.exec([...SERVER, 'uninstall', 'acme', '--yes']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/is running already[\s\S]*hint: stop it first/),
    ]);
    expect(await files(network.server, ...folders)).toContain('acme.conf');
  });

  it('without a terminal asks for --yes, and changes nothing', async () => {
    await network.stopServing('SIGTERM');
    const before = await files(network.server, ...folders);
    const { code, stderr } = await network.server.exec([...SERVER, 'uninstall', 'acme']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--yes')]);
    expect(await files(network.server, ...folders)).toBe(before);
  });

  it('names the log in what it asks, and says whether that stays', async () => {
    const asked = async (...flags: string[]) =>
      (await network.server.exec([...SERVER, 'uninstall', 'acme', ...flags])).stderr;
    expect(await asked()).toContain('The log /var/lib/innernet-server/acme.events stays; --delete-log');
    expect(await asked('--delete-log')).toContain(
      'acme.conf and the log /var/lib/innernet-server/acme.events, the only record of what happened there, will',
    );
  });

  it('does not mind a conf of another range: serve refuses that one', async () => {
    const conf = '/etc/innernet-server/acme.conf';
    await sh(
      network.server,
      `cp ${conf} /tmp/acme.kept && sed -i 's/^\\(network-cidr-prefix\\) .*/\\1 = 17/' ${conf}`,
    );
    const { code, stderr } = await network.server.exec([...SERVER, 'serve', 'acme']);
    await sh(network.server, `cp /tmp/acme.kept ${conf} && rm /tmp/acme.kept`);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('acme.events: the range of the network differs: 10.42.0.0/16 and 10.42.0.0/17'),
    ]);
  });

  it('takes device, names and key away, and leaves the log', async () => {
    const { stdout, stderr } = await network.server.exec([...SERVER, 'uninstall', 'acme', '--yes']);
    expect([stdout, stderr]).toEqual([
      'uninstalled acme\n',
      'left as it is: /var/lib/innernet-server/acme.events\n',
    ]);
    expect(await hasDevice(network.server)).toBe(false);
    expect(await files(network.server, '/etc/innernet-server')).toBe('');
    expect(await files(network.server, '/var/lib/innernet-server')).toContain('acme.events');
    expect(await sh(network.server, 'cat /etc/hosts')).not.toContain('acme');
  });

  it('deletes the log where that is said, and all that tells of its peers', async () => {
    const beside = [
      'events.v2',
      'events.v2.2',
      'events.lost-20261201T020000Z',
      'state',
      'state.1',
      'claims',
      'unproved',
      'observations',
    ].map((end) => `acme.${end}`);
    await sh(network.server, `cd /var/lib/innernet-server && touch ${beside.join(' ')}`);
    await network.server.sure([...SERVER, 'uninstall', 'acme', '--yes', '--delete-log']);
    expect(await files(network.server, '/etc/innernet-server')).toBe('');
    expect(await files(network.server, '/var/lib/innernet-server')).toBe('');
    const { code, stderr } = await network.server.exec([...SERVER, 'uninstall', 'acme', '--yes']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no network here by that name')]);
  });
});
