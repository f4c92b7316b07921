// innernet 2.0's client, unmodified, on our server: it joins, polls, reports and administers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../e2e/small-network.ts';
import { Lab, type Running } from '../lab.ts';
import { type Entry, invitationFolder, known, NewClient, NewServer, OldClient, pings } from './programs.ts';

const invitations = invitationFolder();
let lab: Lab;
let server: NewServer;
let serving: Running;
let ann: OldClient;
let ryo: OldClient;

beforeAll(async () => {
  lab = await Lab.create();
  server = new NewServer(await lab.host('server'));
  await server.create();
  serving = await server.serve();
  await server.addCidr('humans', '10.61.1.0/24');
  await server.addCidr('machines', '10.61.2.0/24');
  ann = new OldClient(await lab.host('ann'));
  ryo = new OldClient(await lab.host('ryo'));
});
afterAll(async () => {
  await lab.close();
  invitations.remove();
});

/** The records that something has made. */
const recordsOf = async (deed: () => Promise<unknown>): Promise<Entry[]> => {
  const before = (await server.history()).length;
  await deed();
  return (await server.history()).slice(before);
};

/** What an old admin's command line has made, each record with its name. */
const madeBy = async (client: OldClient, ...args: string[]): Promise<unknown[]> => {
  const records = await recordsOf(() => client.sure(...args));
  return records.map(({ type, actor, data }) => [type, actor.name, data]);
};

describe('joining', () => {
  it('works by an invitation that our server made', async () => {
    await server.invite('ann', 'humans', invitations.path('ann'), true);
    const records = await recordsOf(() => ann.install(invitations.path('ann')));
    expect(records.map(({ type, actor }) => [type, actor.name])).toEqual([['InvitationRedeemed', 'ann']]);
    await until('10.61.0.1 answers ann', () => pings(ann.host, '10.61.0.1'));
  });

  it('an old admin is refused until proofs are waived for it, and the server says so meanwhile', async () => {
    const { code, stdout, stderr } = await ann.run(
      ...['add-cidr', 'acme', '--name', 'mine', '--cidr', '10.61.9.0/24', '--parent', 'acme', '--yes'],
    );
    expect([code, stdout + stderr]).toEqual([1, expect.stringContaining('status code 403')]);
    expect(await ann.sure('fetch', 'acme')).not.toContain('status code');
    await until('the server has named ann', async () => {
      const { stdout: list, stderr: ways } = await server.run('list-peers', 'acme');
      return /^ann .* refused /m.test(list) && ways.includes('innernet-server waive-proof acme --name ann');
    });
    expect(serving.lines.join('\n')).toContain('innernet-server waive-proof acme --name ann');
    await server.sure('waive-proof', 'acme', '--name', 'ann');
  });

  it('works by an invitation that an old admin made', async () => {
    const records = await recordsOf(() =>
      ann.sure(
        ...['add-peer', 'acme', '--name', 'ryo', '--cidr', 'humans', '--auto-ip', '--admin', 'false'],
        ...['--invite-expires', '14d', '--save-config', invitations.path('ryo'), '--yes'],
      ),
    );
    expect(records).toEqual([
      expect.objectContaining({
        type: 'PeerAdded',
        actor: expect.objectContaining({ name: 'ann' }),
        data: expect.objectContaining({ name: 'ryo', ip: '10.61.1.2', isAdmin: false }),
      }),
    ]);
    await ryo.install(invitations.path('ryo'));
    await until('10.61.0.1 answers ryo', () => pings(ryo.host, '10.61.0.1'));
  });

  it('is refused with an invitation that was used', async () => {
    const copy = invitations.path('copy');
    await server.invite('bob', 'humans', copy);
    await ryo.host.sure(['cp', copy, invitations.path('bob')]);
    const bob = new OldClient(await lab.host('bob'));
    await bob.install(copy);
    const thief = new OldClient(await lab.host('thief'));
    const records = await recordsOf(async () => {
      const { code } = await thief.run('install', '--default-name', '-d', invitations.path('bob'));
      expect(code).not.toBe(0);
    });
    expect(records).toEqual([]);
  });
});

describe('polling', () => {
  it('shows a peer who else is there, by fetch and by up', async () => {
    const state = await ann.sure('fetch', 'acme');
    expect(state).toBeDefined();
    expect(await known(ann.host)).toContain('10.61.1.2/32');
    await ryo.sure('up', 'acme');
    expect(await known(ryo.host)).toContain('10.61.1.1/32');
    await until('10.61.1.2 answers ann', () => pings(ann.host, '10.61.1.2'));
    expect(await ryo.host.sure(['cat', '/etc/hosts'])).toContain('10.61.1.1 ann.acme.wg');
  });

  it('tells the server where a peer may be reached', async () => {
    await ann.host.sure(['ip', 'addr', 'add', '192.168.77.1/24', 'dev', 'eth0']);
    await ann.sure('fetch', 'acme');
    await until('another address of ann is passed on', async () => {
      await ryo.sure('fetch', 'acme');
      const cache = JSON.parse(await ryo.host.sure(['cat', '/var/lib/innernet/acme.json']));
      const row = cache.peers.find(({ name }: { name: string }) => name === 'ann');
      return row.candidates.some((candidate: string) => candidate.startsWith('192.168.77.1:'));
    });
    await ann.host.sure(['ip', 'addr', 'del', '192.168.77.1/24', 'dev', 'eth0']);
  });

  it('feeds show in its long, short and tree form', async () => {
    const long = await ann.sure('show', 'acme');
    expect(long).toContain('network: acme');
    expect(long).toContain('ryo');
    expect(await ann.sure('show', '--short', 'acme')).toMatch(/10\.61\.1\.2: ryo/);
    expect(await ann.sure('show', '--tree', 'acme')).toMatch(/10\.61\.1\.0\/24 humans/);
    expect(await ann.sure('list-cidrs', 'acme')).toContain('10.61.2.0/24 machines');
    expect(await ann.sure('list-cidrs', '--tree', 'acme')).toContain('10.61.0.0/16 acme');
  });

  it('goes on as a daemon, and hears within its interval who was disabled', async () => {
    const daemon = ann.start('up', '--daemon', '--interval', '1', 'acme');
    await server.sure('disable-peer', 'acme', '--name', 'bob', '--yes');
    await until('bob is gone from ann', async () => !(await known(ann.host)).includes('10.61.1.3/32'));
    await server.sure('enable-peer', 'acme', '--name', 'bob', '--yes');
    await until('bob is back', async () => (await known(ann.host)).includes('10.61.1.3/32'));
    await daemon.stop();
  });

  it('goes down and up again', async () => {
    await ryo.sure('down', 'acme');
    await until('the device is gone', async () => {
      const { code } = await ryo.host.exec(['ip', 'link', 'show', 'acme']);
      return code !== 0;
    });
    await ryo.sure('up', 'acme');
    await ryo.name();
    await until('10.61.0.1 answers ryo', () => pings(ryo.host, '10.61.0.1'));
  });
});

describe('administering: each change is one event with its name', () => {
  it('CIDRs', async () => {
    expect(
      await madeBy(
        ann,
        ...['add-cidr', 'acme', '--name', 'robots', '--cidr', '10.61.3.0/24', '--parent', 'acme', '--yes'],
      ),
    ).toEqual([['CidrAdded', 'ann', { cidrId: 5, name: 'robots', cidr: '10.61.3.0/24', parentId: 1 }]]);
    expect(
      await madeBy(ann, 'rename-cidr', 'acme', '--name', 'robots', '--new-name', 'droids', '--yes'),
    ).toEqual([['CidrRenamed', 'ann', { cidrId: 5, name: 'droids' }]]);
    expect(await madeBy(ann, 'delete-cidr', 'acme', '--name', 'droids', '--yes')).toEqual([
      ['CidrDeleted', 'ann', { cidrId: 5 }],
    ]);
  });

  it('peers', async () => {
    const peerId = 4;
    expect(await madeBy(ann, 'rename-peer', 'acme', '--name', 'bob', '--new-name', 'rob', '--yes')).toEqual([
      ['PeerRenamed', 'ann', { peerId, name: 'rob' }],
    ]);
    expect(await madeBy(ann, 'disable-peer', 'acme', '--name', 'rob', '--yes')).toEqual([
      ['PeerDisabled', 'ann', { peerId }],
    ]);
    expect(await known(server.host)).not.toContain('10.61.1.3/32');
    expect(await madeBy(ann, 'enable-peer', 'acme', '--name', 'rob', '--yes')).toEqual([
      ['PeerEnabled', 'ann', { peerId }],
    ]);
  });

  it('associations', async () => {
    expect(await madeBy(ann, 'add-association', 'acme', 'humans', 'machines', '--yes')).toEqual([
      ['AssociationAdded', 'ann', { associationId: 1, cidrIds: [3, 4] }],
    ]);
    expect(await ann.sure('list-associations', 'acme')).toContain('1: humans <=> machines');
    expect(await madeBy(ann, 'delete-association', 'acme', 'machines', 'humans', '--yes')).toEqual([
      ['AssociationDeleted', 'ann', { associationId: 1 }],
    ]);
  });

  it('associations at a terminal', async () => {
    await ann.sure('add-association', 'acme', 'humans', 'machines', '--yes');
    const records = await recordsOf(async () => {
      const talk = ann.talk('delete-association', 'acme');
      await talk.answer(/humans <=> machines/, '\u001b[B\r');
      await talk.answer(/Delete association #/, 'y\r');
      await talk.end();
    });
    expect(records.map(({ type, actor }) => [type, actor.name])).toEqual([['AssociationDeleted', 'ann']]);
  });

  it('the endpoint of oneself, also one of which only the port is known', async () => {
    await ryo.sure('set-listen-port', 'acme', '--listen-port', '4000', '--yes');
    expect(await madeBy(ryo, 'override-endpoint', 'acme', '-e', '0.0.0.0:4000', '--yes')).toEqual([
      ['EndpointOverrideSet', 'ryo', { peerId: 3, endpoint: '0.0.0.0:4000' }],
    ]);
    await ann.sure('fetch', 'acme');
    const cache = JSON.parse(await ann.host.sure(['cat', '/var/lib/innernet/acme.json']));
    expect(cache.peers).toContainEqual(
      expect.objectContaining({ name: 'ryo', endpoint: `${ryo.host.address}:4000` }),
    );
    expect(await madeBy(ryo, 'override-endpoint', 'acme', '--unset', '--yes')).toEqual([
      ['EndpointOverrideCleared', 'ryo', { peerId: 3 }],
    ]);
    await ryo.sure('set-listen-port', 'acme', '--unset', '--yes');
  });

  it('an endpoint that is for one machine alone', async () => {
    const records = await recordsOf(() =>
      ann.sure(
        ...['override-peer-endpoint', 'acme', '--name', 'ryo', '-e', `${ryo.host.address}:4001`, '--yes'],
      ),
    );
    expect(records).toEqual([]);
    await ann.sure('override-peer-endpoint', 'acme', '--name', 'ryo', '--unset', '--yes');
  });

  it('is refused to those who are no admins, with nothing done', async () => {
    const records = await recordsOf(async () => {
      const { code } = await ryo.run(
        ...['add-cidr', 'acme', '--name', 'mine', '--cidr', '10.61.9.0/24', '--parent', 'acme', '--yes'],
      );
      expect(code).not.toBe(0);
    });
    expect(records).toEqual([]);
  });

  it('is refused where a rule says no', async () => {
    const records = await recordsOf(async () => {
      for (const name of ['innernet-server', 'ann'])
        expect(
          (await ann.run('rename-peer', 'acme', '--name', name, '--new-name', 'ryo', '--yes')).code,
        ).not.toBe(0);
    });
    expect(records).toEqual([]);
  });
});

describe('beside our own clients', () => {
  it('an old admin changes what they have at once', async () => {
    await server.invite('kiln', 'machines', invitations.path('kiln'));
    const kiln = new NewClient(await lab.host('kiln'));
    await kiln.sure('install', '--default-name', '--delete-invite', invitations.path('kiln'));
    const daemon = kiln.start('up', '--daemon', 'acme');
    await daemon.line(/up at/);
    expect(await known(kiln.host)).not.toContain('10.61.1.1/32');
    await ann.sure('add-association', 'acme', 'humans', 'machines', '--yes');
    await until('kiln knows ann', async () => (await known(kiln.host)).includes('10.61.1.1/32'));
    await ann.sure('fetch', 'acme');
    await until('kiln and ann reach each other', () => pings(kiln.host, '10.61.1.1'));
    await ann.sure('delete-association', 'acme', 'humans', 'machines', '--yes');
    await until('kiln has lost ann', async () => !(await known(kiln.host)).includes('10.61.1.1/32'));
    await daemon.stop();
  });
});

describe('a list that is old', () => {
  it('never undoes what another has done since', async () => {
    const records = await recordsOf(async () => {
      const talk = ann.talk('rename-peer', 'acme', '--name', 'rob', '--new-name', 'robert');
      await talk.shows(/Rename peer/);
      await server.sure('disable-peer', 'acme', '--name', 'rob', '--yes');
      await server.sure('grant-admin', 'acme', '--name', 'rob', '--yes');
      await talk.answer(/Rename peer/, 'y\r');
      await talk.end();
    });
    expect(records.map(({ type }) => type)).toEqual(['PeerDisabled', 'AdminGranted', 'PeerRenamed']);
    await server.sure('enable-peer', 'acme', '--name', 'robert', '--yes');
  });
});

describe('leaving', () => {
  it('uninstalls', async () => {
    await ryo.sure('uninstall', 'acme', '--yes');
    expect((await ryo.host.exec(['ls', '/etc/innernet/acme.conf'])).code).not.toBe(0);
    expect(serving.running).toBe(true);
  });
});
