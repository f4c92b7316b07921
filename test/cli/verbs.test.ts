// The verbs as a script types them: flags alone, the answer on stdout, trouble with a hint, exit codes.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GlobalOptions } from '../../src/cli/options.ts';
import { localTime } from '../../src/cli/print.ts';
import { Clock } from '../../src/cli/telling.ts';
import { explain, type Rejection, shellWord } from '../../src/domain/rejection.ts';
import { parseConf } from '../../src/protocol/conf.ts';
import type { RelayStanding } from '../../src/protocol/rows.ts';
import { Failure } from '../../src/values/failure.ts';
import { publicKeyOf } from '../../src/values/key-pair.ts';
import type { Timestamp } from '../../src/values/time.ts';
import { acme, acme6, ids, keyOf } from '../acme.ts';
import { MemoryPlane } from '../plane.ts';
import { caught, programOn, type Said, words } from './called.ts';

let plane: MemoryPlane;
let heard: GlobalOptions | undefined;
let folder: string;
beforeEach(() => {
  plane = new MemoryPlane('acme', acme.network);
  folder = mkdtempSync(join(tmpdir(), 'the verbs-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `innernet` and these words. */
const inn = (line: string): Promise<Said> => {
  const open = async (network: string, options: GlobalOptions): Promise<MemoryPlane> => {
    heard = options;
    if (network !== 'acme') throw new Failure(`${network} is not installed here`, { hint: 'innernet show' });
    return plane;
  };
  return caught(programOn(open), words(line));
};

/** Says that a line is answered like this, and nothing but this, with exit code 0. */
const answers = async (line: string, ...lines: string[]): Promise<void> =>
  expect(await inn(line)).toEqual({ code: 0, stdout: lines.map((text) => `${text}\n`).join(''), stderr: '' });

/** Says that a line is turned down with this error and hint, and answered with nothing. */
const refuses = async (line: string, code: 1 | 2, error: string, hint?: string): Promise<void> => {
  const text = `innernet: error: ${error}\n${hint ? `innernet: hint: ${hint}\n` : ''}`;
  const stderr = new Clock({}).sentence(text); // moments are told in the reader's zone
  expect(await inn(line)).toEqual({ code, stdout: '', stderr });
};

/** Says that a rule turns a line down, and that the command to try is this. */
const rejects = (line: string, rejection: Rejection, toTry: string): Promise<void> => {
  const { sentence, hint } = explain(rejection);
  return refuses(line, 1, sentence, `${hint}: ${toTry}`);
};

const FAR = '2099-01-31T18:00:00.000Z' as Timestamp;

const eventsOf = async (line: string) => JSON.parse((await inn(`${line} --json`)).stdout).events;

describe('each change, by flags alone', () => {
  const changes = (line: string, said: string, ...events: object[]) =>
    it(line, async () => {
      const { stdout, stderr, code } = await inn(line);
      expect({ stdout, stderr, code }).toEqual({ stdout: `${said}\n`, stderr: '', code: 0 });
      plane = new MemoryPlane('acme', acme.network);
      expect(await eventsOf(line)).toMatchObject(events);
    });

  changes(
    'add-cidr acme --name ovens --cidr 10.42.2.0/24 --parent acme',
    'added the CIDR "ovens" (10.42.2.0/24)',
    { type: 'CidrAdded', name: 'ovens', parentId: ids.root },
  );
  changes('rename-cidr acme --name bakers --new-name cooks', 'renamed the CIDR "bakers" to "cooks"', {
    type: 'CidrRenamed',
    cidrId: ids.bakers,
  });
  changes('rename-peer acme --name bob --new-name robert', 'renamed "bob" to "robert"', {
    type: 'PeerRenamed',
    name: 'robert',
  });
  changes('disable-peer acme --name bob', 'disabled "bob"', { type: 'PeerDisabled', peerId: ids.bob });
  changes('delete-peer acme --name bob --yes', 'deleted "bob"', { type: 'PeerDeleted', peerId: ids.bob });
  changes('grant-admin acme --name ryo', 'made "ryo" an admin', { type: 'AdminGranted', peerId: ids.ryo });
  changes('revoke-admin acme --name ann --yes', '"ann" is no admin any more', {
    type: 'AdminRevoked',
    peerId: ids.ann,
  });
  changes(
    'revoke-invitation acme --name eve',
    'revoked the invitation of "eve": its name and address are free again',
    { type: 'InvitationRevoked', peerId: ids.eve },
  );
  changes(
    'add-association acme bakers machines',
    'associated "bakers" and "machines": their peers see each other',
    { type: 'AssociationAdded', cidrIds: [ids.bakers, ids.machines] },
  );
  changes('isolate-cidr acme bakers', 'isolated the peers of "bakers" from each other', {
    type: 'CidrIsolated',
    cidrId: ids.bakers,
  });
  changes(
    'set-endpoint acme -e [2001:db8::1]:51820',
    'the server is reached at [2001:db8::1]:51820: connected peers know at once',
    { type: 'ServerEndpointChanged' },
  );

  changes(
    'require-proof acme --yes',
    'proofs by key are required: without one nobody changes the network from a peer',
    { type: 'ProofRequired' },
  );
  changes('waive-proof acme --name bob', '"bob" needs no proof by its key, as with innernet 2.0', {
    type: 'ProofWaived',
    peerId: ids.bob,
  });

  changes('set-relay acme', '"innernet-server" relays at UDP port 51821: let that port through to it', {
    type: 'RelaySet',
    peerId: ids.server,
    port: 51821,
  });
  changes(
    'set-relay acme innernet-server --port 4000 --endpoint 203.0.113.10:4001',
    '"innernet-server" relays at UDP port 4000, reached at 203.0.113.10:4001: let that port through to it',
    { type: 'RelaySet', peerId: ids.server, port: 4000, endpoint: '203.0.113.10:4001' },
  );

  changes(
    'set-relay acme bob',
    '"bob" relays at UDP port 51821: let that port through to it; it must consent, there: innernet serve-relay acme --port 51821',
    { type: 'RelaySet', peerId: ids.bob, port: 51821 },
  );

  it('which of the two approvals a relay of a peer waits for, and what else keeps it from relaying', async () => {
    await inn('set-relay acme bob');
    const states: [Partial<RelayStanding>, string][] = [
      [{ consents: null }, 'waits for the consent of bob: innernet serve-relay acme --port 51821'],
      [{ consents: 4000 }, 'bob consents to UDP port 4000 alone'],
      [{ trouble: 'UDP port 51821 is taken' }, 'it cannot: UDP port 51821 is taken'],
      [{ isServing: false }, 'its program is away'],
      [{}, ''],
    ];
    const view = await plane.view();
    for (const [standing, words] of states) {
      const row = { peerId: ids.bob, consents: 51821, trouble: null, isServing: true, ...standing };
      plane.view = async () => ({ ...view, relays: [row] });
      await answers(
        'list-relays acme',
        'NAME  UDP PORT  REACHED AT        STATE',
        `bob   51821     where it is seen  ${words}`.trimEnd(),
      );
      expect(JSON.parse((await inn('list-relays acme --json')).stdout)).toMatchObject([
        { name: 'bob', ...row },
      ]);
    }
  });

  it('a relay that ends, and what is none', async () => {
    await rejects(
      'clear-relay acme',
      { code: 'NotARelay', name: 'innernet-server' },
      'innernet list-relays acme',
    );
    await inn('set-relay acme --port 4000');
    await answers('set-relay acme --port 4000', 'nothing to do: "innernet-server" relays at UDP port 4000');
    expect(JSON.parse((await inn('list-relays acme --json')).stdout)).toEqual([
      {
        peerId: ids.server,
        name: 'innernet-server',
        port: 4000,
        endpoint: 'vpn.example.org:4000',
        isDisabled: false,
      },
    ]);
    await answers(
      'list-relays acme',
      'NAME             UDP PORT  REACHED AT            STATE',
      'innernet-server  4000      vpn.example.org:4000',
    );
    const view = await plane.view();
    plane.view = async () => ({ ...view, isPartial: true });
    await refuses(
      'list-relays acme',
      1,
      'only an admin sees the relays',
      'by which way this machine reaches others is said by: innernet show acme',
    );
    expect(await eventsOf('clear-relay acme')).toEqual([{ type: 'RelayCleared', peerId: ids.server }]);
  });

  changes(
    'set-expiry acme --name bob --expires 2099-01-31T18:00Z',
    `set the end of "bob" to ${localTime(FAR)}`,
    {
      type: 'PeerExpirySet',
      peerId: ids.bob,
      expires: FAR,
    },
  );
  changes('set-expiry acme --default 90d', 'peers that are added from now on end 90d after they are added', {
    type: 'DefaultExpirySet',
    seconds: 7_776_000,
  });

  it('ends that need another change first, or are no change', async () => {
    await answers('set-expiry acme --name bob --expires never', 'nothing to do: the end of "bob" is never');
    await answers('set-expiry acme --default never', 'nothing to do: peers that are added do not end');
    await inn('set-expiry acme --name bob --expires 90d');
    await answers('set-expiry acme --name bob --expires never', 'set the end of "bob" to never');
    await inn('disable-peer acme --name bob');
    await inn('set-expiry acme --name bob --expires 2020-01-01T00:00Z');
    await rejects(
      'enable-peer acme --name bob',
      { code: 'PeerHasEnded', name: 'bob', ended: '2020-01-01T00:00:00.000Z' as Timestamp },
      'innernet enable-peer acme --name bob --expires 90d',
    );
    expect((await inn('list-peers acme')).stdout).toMatch(/bob .* ended \d{4}-/);
    await answers('enable-peer acme --name bob --expires never', 'enabled "bob"');
    await inn('set-expiry acme --name bob --expires 6d');
    const { stdout, stderr } = await inn('list-peers acme');
    expect(stdout).toMatch(/bob .* joined, ends \d{4}-/);
    expect(stderr).toMatch(/the time of "bob" ends .*: set-expiry acme --name bob --expires 90d/);
    await inn('set-expiry acme --name bob --expires 8d');
    expect((await inn('list-peers acme')).stderr).toBe('');
  });

  it('what needs another change first', async () => {
    await rejects(
      'require-proof acme --name bob',
      { code: 'ProofNotRequired', name: 'bob' },
      'innernet require-proof acme',
    );
    await inn('require-proof acme --yes');
    await inn('waive-proof acme --name bob');
    await answers('require-proof acme --name bob', '"bob" needs a proof by its key again');
    await answers(
      'waive-proof acme --yes',
      'proofs by key are waived: any program on the machine of an admin can change the network',
    );
    await inn('disable-peer acme --name bob');
    await answers('enable-peer acme --name bob', 'enabled "bob"');
    await inn('add-cidr acme --name ovens --cidr 10.42.2.0/24');
    await answers('delete-cidr acme --name ovens', 'deleted the CIDR "ovens"');
    await answers(
      'add-association acme bakers machines --allow bakers:tcp/631,9100-9110 --allow bakers:icmp',
      'associated "bakers" and "machines": their peers see each other where both keep to the limit',
    );
    expect((await inn('list-associations acme')).stdout).toContain(
      'bakers → machines: tcp 631, 9100-9110 and ping; machines → bakers: nothing',
    );
    await answers(
      'limit-association acme machines bakers --allow none',
      'limited the association of "machines" and "bakers"',
    );
    await answers(
      'limit-association acme machines bakers --allow none',
      'nothing to do: it is limited so already',
    );
    await answers(
      'unlimit-association acme bakers machines',
      'lifted the limit of "bakers" and "machines": their peers may begin everything',
    );
    await answers('isolate-cidr acme bakers', 'isolated the peers of "bakers" from each other');
    await answers('unisolate-cidr acme bakers', 'the peers of "bakers" see each other again');
    await answers(
      'delete-association acme machines bakers',
      'deleted the association of "machines" and "bakers"',
    );
  });

  it('says when there was nothing to do', async () => {
    await answers('enable-peer acme --name bob', 'nothing to do: "bob" is enabled');
    expect(await eventsOf('grant-admin acme --name ann')).toEqual([]);
    await answers('waive-proof acme --yes', 'nothing to do: proofs by key are waived');
  });

  it('the network is closed afterwards, also after a refusal', async () => {
    await inn('enable-peer acme --name bob');
    await inn('enable-peer acme --name nobody');
    expect(plane.closed).toBe(2);
  });
});

describe('reads', () => {
  it('list-cidrs: in the order of the tree', async () => {
    await answers(
      'list-cidrs acme',
      'NAME             CIDR            PARENT',
      'acme             10.42.0.0/16',
      'innernet-server  10.42.0.1/32    acme',
      'machines         10.42.1.0/24    acme',
      'humans           10.42.128.0/17  acme',
      'engineers        10.42.128.0/24  humans',
      'bakers           10.42.129.0/24  humans',
    );
  });

  it('list-cidrs --tree', async () => {
    await inn('add-cidr acme --name ovens --cidr 10.42.2.0/24');
    await answers(
      'list-cidrs acme -t',
      'acme  10.42.0.0/16',
      '├─ innernet-server  10.42.0.1/32',
      '├─ machines  10.42.1.0/24',
      '├─ ovens  10.42.2.0/24',
      '└─ humans  10.42.128.0/17',
      '   ├─ engineers  10.42.128.0/24',
      '   └─ bakers  10.42.129.0/24',
    );
  });

  it('list-peers', async () => {
    await inn('disable-peer acme --name bob');
    const { stdout } = await inn('list-peers acme');
    expect(stdout.split('\n')[0]).toMatch(/^NAME +ADDRESS +CIDR +ADMIN +STATE +PROOF +KEY$/);
    expect(stdout).toMatch(/^innernet-server +10\.42\.0\.1 +innernet-server +admin +joined +.{10}…$/m);
    expect(stdout).toMatch(/^bob +10\.42\.129\.1 +bakers +disabled +.{10}…$/m);
    await inn('waive-proof acme --name bob');
    expect((await inn('list-peers acme')).stdout).toMatch(
      /^bob +10\.42\.129\.1 +bakers +disabled +waived +.{10}…$/m,
    );
    expect(stdout).toMatch(/^eve +10\.42\.129\.2 +bakers +invited until 2026-11-22 \d\d:\d\d +.{10}…$/m);
  });

  it('list-peers names who was refused for want of a proof, with both ways out', async () => {
    const last = '2026-11-22T12:00:00.000Z' as Timestamp;
    plane.unproved = [{ peerId: ids.ann, count: 2, last }];
    const { stdout, stderr } = await inn('list-peers acme');
    expect(stdout).toMatch(/^ann +10\.42\.128\.1 +engineers +admin +joined +refused +.{10}…$/m);
    expect(stderr).toMatch(
      /^"ann" was refused 2 times, last 2026-11-22 \d\d:\d\d, because its request held no proof/,
    );
    expect(stderr).toMatch(
      /bring innernet there up to date, or: innernet-server waive-proof acme --name ann\n$/,
    );
    await plane.execute({ type: 'RecordProofs', publicKeys: [keyOf('ann')] } as never);
    expect((await inn('list-peers acme')).stderr).toContain(
      'another program on that machine, or innernet 2.0 with its key',
    );
    const told = JSON.parse((await inn('list-peers acme --json')).stdout);
    expect(told.find(({ name }: { name: string }) => name === 'ann').unproved).toEqual(plane.unproved[0]);
  });

  it('list-invitations', async () => {
    const { stdout } = await inn('list-invitations acme');
    expect(stdout).toMatch(/^NAME.*\neve +10\.42\.129\.2 +bakers +2026-11-22 \d\d:\d\d\n$/);
  });

  it('list-associations', async () => {
    await inn('add-association acme bakers machines');
    await answers('list-associations acme', 'CIDR    AND CIDR', 'bakers  machines');
  });

  it('--json is complete', async () => {
    await inn('add-association acme bakers machines');
    const json = async (verb: string) => JSON.parse((await inn(`${verb} acme --json`)).stdout);
    const view = await plane.view();
    expect(await json('list-peers')).toHaveLength(view.peers.length);
    expect(await json('list-peers')).toContainEqual({
      ...view.peers.find(({ id }) => id === ids.bob),
      cidr: 'bakers',
    });
    expect(await json('list-cidrs')).toContainEqual({
      ...view.cidrs.find(({ id }) => id === ids.bakers),
      parent: 'humans',
    });
    expect(await json('list-associations')).toEqual([
      { id: 1, cidrIds: [ids.bakers, ids.machines], cidrs: ['bakers', 'machines'] },
    ]);
    expect(await json('list-invitations')).toMatchObject([
      { name: 'eve', cidr: 'bakers', isRedeemed: false },
    ]);
  });
});

describe('invitations', () => {
  const invited = async (line: string) => {
    const file = join(folder, 'new.toml');
    const said = await inn(`${line} --save-config ${shellWord(file)}`);
    return {
      said,
      file,
      text: readFileSync(file, 'utf8'),
      conf: parseConf(readFileSync(file, 'utf8'), file),
    };
  };

  it('add-peer: makes the keys, sends only the public one, writes the file for its owner alone', async () => {
    const { said, file, text, conf } = await invited(
      'add-peer acme --name kim --cidr bakers --auto-ip --admin true',
    );
    expect(said).toEqual({
      code: 0,
      stdout: `invited the admin "kim" at 10.42.129.3: ${file}\n`,
      stderr: `hand ${file} over in private, then run there: innernet install ${shellWord(file)}\n`,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const kim = (await plane.view()).peers.find(({ name }) => name === 'kim')!;
    expect(publicKeyOf(conf.privateKey)).toBe(kim.publicKey);
    expect(kim).toMatchObject({ isAdmin: true, isRedeemed: false, cidrId: ids.bakers });
    const { position, hash, networkId } = await plane.view();
    const server = {
      position,
      hash,
      networkId,
      expires: kim.inviteExpires,
      internalEndpoint: '10.42.0.1:51820',
    };
    expect(conf).toMatchObject({ networkName: 'acme', address: '10.42.129.3/16', server });
    const days = (Date.parse(kim.inviteExpires!) - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(14);
    expect(text).toContain('#   innernet install new.toml\n');
    expect(JSON.stringify([said, plane.asked])).not.toContain(conf.privateKey.reveal());
  });

  it('add-peer in an IPv6 network, at an address of its own, as JSON', async () => {
    plane = new MemoryPlane('acme', acme6.network);
    const line =
      'add-peer acme --name kim --cidr bakers --ip fdac:42:0:8001::7 --invite-expires 1h30m --json';
    const { said, file, conf } = await invited(line);
    expect(JSON.parse(said.stdout)).toMatchObject({
      ip: 'fdac:42:0:8001::7',
      invitation: file,
      events: [{ type: 'PeerAdded', name: 'kim', isAdmin: false }],
    });
    expect(conf.address).toBe('fdac:42:0:8001::7/48');
    expect(conf.server.internalEndpoint).toBe('[fdac:42::1]:51820');
  });

  it('the file is NAME.toml in the present folder unless told', async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      await inn('add-peer acme --name kim --cidr bakers');
    } finally {
      process.chdir(before);
    }
    expect(readdirSync(folder)).toEqual(['kim.toml']);
  });

  it('an existing file is not overwritten, and nobody is invited', async () => {
    const file = join(folder, 'kim.toml');
    writeFileSync(file, 'precious');
    await refuses(
      `add-peer acme --name kim --cidr bakers --save-config ${shellWord(file)}`,
      1,
      `${file} exists already, and is not overwritten`,
      'move it away, or name another file',
    );
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect(plane.asked).toEqual([]);
  });

  it('a refusal leaves no file', async () => {
    const line = `add-peer acme --name bob --cidr bakers --save-config ${shellWord(join(folder, 'bob.toml'))}`;
    const taken = { code: 'PeerNameTaken', name: 'bob', ip: acme.at('bakers', 1) } as const;
    await rejects(line, taken, 'innernet list-peers acme');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a folder that is not there: nobody is invited', async () => {
    const file = join(folder, 'nowhere', 'kim.toml');
    const line = `add-peer acme --name kim --cidr bakers --save-config ${shellWord(file)}`;
    await refuses(line, 1, `${file}: there is no such file or folder`);
    expect(plane.asked).toEqual([]);
  });

  it('reissue-invitation: another key, same name and address', async () => {
    const before = (await plane.view()).peers.find(({ name }) => name === 'eve')!;
    const { conf, said } = await invited('reissue-invitation acme --name eve --invite-expires 2d');
    const after = (await plane.view()).peers.find(({ name }) => name === 'eve')!;
    expect(said.stdout).toMatch(/^made a new invitation for "eve" at 10\.42\.129\.2: .*new\.toml\n$/);
    expect(after.publicKey).not.toBe(before.publicKey);
    expect(after.ip).toBe(before.ip);
    expect(publicKeyOf(conf.privateKey)).toBe(after.publicKey);
    expect(conf.server.expires).toBe(after.inviteExpires);
  });
});

describe('trouble', () => {
  it('a refused command, with the command to try', () =>
    rejects(
      'disable-peer acme --name nobody',
      { code: 'UnknownPeer', peer: 'nobody' },
      'innernet list-peers acme',
    ));

  it('the command to try names the folders that were named', () =>
    rejects(
      '-c /tmp/c disable-peer acme --name nobody --data-dir /tmp/d',
      { code: 'UnknownPeer', peer: 'nobody' },
      'innernet -c /tmp/c -d /tmp/d list-peers acme',
    ));

  it('the command to try goes on after the network', async () => {
    await inn('add-association acme bakers machines');
    await rejects(
      'delete-cidr acme --name bakers',
      { code: 'CidrHoldsPeers', name: 'bakers' },
      'innernet list-peers acme',
    );
    await inn('add-cidr acme --name ovens --cidr 10.42.2.0/24');
    await inn('add-association acme ovens machines');
    await rejects(
      'delete-cidr acme --name ovens',
      { code: 'CidrHasAssociations', name: 'ovens', with: 'machines' },
      'innernet delete-association acme ovens machines',
    );
  });

  it('the last admin', async () => {
    const lastAdmin = { code: 'LastAdmin', name: 'ann' } as const;
    await rejects('disable-peer acme --name ann', lastAdmin, 'innernet grant-admin acme');
    await answers('disable-peer acme --name ann --yes', 'disabled "ann"');
  });

  it('a network that is not installed', () =>
    refuses('list-peers beta', 1, 'beta is not installed here', 'innernet show'));

  it('a bug is told from a refusal, and shows where only when asked', async () => {
    plane.execute = () => Promise.reject(new TypeError('x is not a function'));
    const { stderr, code } = await inn('enable-peer acme --name bob');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^innernet: error: internal error: .*\ninnernet: hint: .* -v .*\n$/);
    expect((await inn('-v enable-peer acme --name bob')).stderr).toContain(
      'TypeError: x is not a function\n',
    );
  });

  it('a failure shows its causes only when asked', async () => {
    const cause = new Error('connect ECONNREFUSED');
    plane.execute = () => Promise.reject(new Failure('the server does not answer', { cause }));
    await refuses('enable-peer acme --name bob', 1, 'the server does not answer');
    expect((await inn('enable-peer acme --name bob --verbose')).stderr).toContain(
      'caused by: Error: connect',
    );
  });

  it('what a server says cannot steer the terminal', () => {
    plane.execute = () => Promise.reject(new Failure('so\u001b[2J', { hint: 'or\nso' }));
    return refuses('enable-peer acme --name bob', 1, 'so\\u{1b}[2J', 'or\\u{a}so');
  });

  it('names from elsewhere cannot steer the terminal', async () => {
    const name = 'e\u001b[2J\u202evil';
    const events = acme.network.map((event) =>
      event.type === 'PeerAdded' && event.peerId === ids.bob ? { ...event, name } : event,
    );
    plane = new MemoryPlane('acme', events);
    for (const line of ['list-peers acme', 'list-peers acme --json', 'disable-peer acme --name'])
      for (const text of Object.values(
        await caught(
          programOn(async () => plane),
          [...words(line), ...(line.endsWith('--name') ? [name] : [])],
        ),
      ))
        expect(String(text)).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
    expect(JSON.parse((await inn('list-peers acme --json')).stdout)).toContainEqual(
      expect.objectContaining({ name }),
    );
  });
});

describe('wrong use: exit 2, and what to type instead', () => {
  const wrong = (line: string, error: string, hint: string) => it(line, () => refuses(line, 2, error, hint));

  wrong(
    'add-cidr acme --name Ovens --cidr 10.42.2.0/24',
    '--name "Ovens": a name has only lower-case letters, digits and single hyphens, and neither starts nor ends with a hyphen; "ovens" would do',
    'innernet add-cidr --help',
  );
  wrong(
    'add-cidr acme --name ovens --cidr 10.42.2.1/24',
    '--cidr "10.42.2.1/24": 10.42.2.1/24 has host bits set; the block is 10.42.2.0/24',
    'innernet add-cidr --help',
  );
  wrong(
    'add-cidr acme --name ovens --cidr ovens',
    '--cidr: "ovens" is not a CIDR block such as 10.61.0.0/16',
    'innernet add-cidr --help',
  );
  wrong(
    'add-peer acme --name kim --cidr bakers --invite-expires 14',
    '--invite-expires: "14" is not a duration such as 14d or 1h30m (units s m h d w)',
    'innernet add-peer --help',
  );
  wrong(
    'add-peer acme --name kim --cidr bakers --invite-expires 0d',
    '--invite-expires: an invitation lasts from a second to a hundred years',
    'innernet add-peer --help',
  );
  wrong(
    'add-peer acme --name kim --cidr bakers --ip 10.42.129.9 --auto-ip',
    "option '--auto-ip' cannot be used with option '--ip <address>'",
    'innernet add-peer --help',
  );
  wrong(
    'add-peer acme --name kim --cidr bakers --admin yes',
    "option '--admin <true|false>' argument 'yes' is invalid. Allowed choices are true, false",
    'innernet add-peer --help',
  );
  wrong(
    'set-endpoint acme -e vpn',
    '--endpoint: "vpn" is not an endpoint such as vpn.example.org:51820 or [2001:db8::1]:51820',
    'innernet set-endpoint --help',
  );
  wrong(
    'list-peers ../../etc/x',
    'network "../../etc/x": a name has only lower-case letters, digits and single hyphens, and neither starts nor ends with a hyphen',
    'innernet list-peers --help',
  );
  wrong('list-peers', 'the network is missing: this machine has none', 'innernet list-peers --help');
  wrong(
    'disable-peer acme bob --name ann',
    '"bob" and --name say the same thing: say one of them',
    'innernet disable-peer --help',
  );
  wrong(
    'list-peers acme beta',
    "too many arguments for 'list-peers'. Expected 1 argument but got 2",
    'innernet list-peers --help',
  );
  wrong('list-peers acme --csv', "unknown option '--csv'", 'innernet list-peers --help');
  wrong('status', "unknown command 'status'", 'innernet --help');
  wrong('peers', "unknown command 'peers'", 'did you mean list-peers?');
  wrong('remove-peer acme', "unknown command 'remove-peer'", 'did you mean delete-peer?');
  wrong('rename-peer acme --newname x', "unknown option '--newname'", 'did you mean --new-name?');
  wrong('list-pears acme', "unknown command 'list-pears'", 'did you mean list-peers?');
  wrong(
    '--mtu 12 list-peers acme',
    '--mtu "12": this must be a whole number from 576 to 65455',
    'innernet list-peers --help',
  );
});

describe('a network that is the only one need not be named, and what is acted on may be a word', () => {
  const confs = (...names: string[]) => {
    for (const name of names) writeFileSync(join(folder, `${name}.conf`), '');
  };
  const there = (line: string) => inn(`-c '${folder}' -d '${folder}' ${line}`);

  it.each([
    ['disable-peer acme bob', 'disabled "bob"'],
    ['disable-peer bob', 'disabled "bob"'],
    ['disable-peer --name bob', 'disabled "bob"'],
    ['rename-peer bob robert', 'renamed "bob" to "robert"'],
    ['rename-peer acme bob --new-name robert', 'renamed "bob" to "robert"'],
    ['add-cidr ovens 10.42.2.0/24', 'added the CIDR "ovens" (10.42.2.0/24)'],
    ['rename-cidr bakers cooks', 'renamed the CIDR "bakers" to "cooks"'],
    ['add-association bakers machines', 'associated "bakers" and "machines": their peers see each other'],
    ['waive-proof bob', '"bob" needs no proof by its key, as with innernet 2.0'],
    ['revoke-invitation eve', 'revoked the invitation of "eve": its name and address are free again'],
  ])('%s', async (line, said) => {
    confs('acme');
    expect(await there(line)).toEqual({ code: 0, stdout: `${said}\n`, stderr: '' });
  });

  it('where there are two it must be named, and they are', async () => {
    confs('acme', 'beta');
    expect(await there('list-peers')).toMatchObject({
      ...{
        code: 2,
        stderr: expect.stringContaining('the network is missing: this machine has acme, beta\n'),
      },
    });
    expect((await there('disable-peer acme bob')).stdout).toBe('disabled "bob"\n');
    expect((await there('disable-peer beta bob')).stderr).toContain('beta is not installed here');
    expect((await there('disable-peer bob')).stderr).toContain('bob is not installed here');
  });

  it('a word that is the name of a network is that network, also where a peer is called so', async () => {
    confs('acme');
    await inn('rename-peer acme --name bob --new-name acme');
    expect((await there('disable-peer acme')).stderr).toContain('--name is missing');
    expect((await there('disable-peer acme acme')).stdout).toBe('disabled "acme"\n');
  });

  it('one that has lost its conf is still named by what is left of it', async () => {
    confs('beta');
    writeFileSync(join(folder, 'acme.events'), '');
    expect((await there('disable-peer acme --name bob')).stdout).toBe('disabled "bob"\n');
  });

  it('a word keeps the rules of its flag', async () => {
    confs('acme');
    const { code, stderr } = await there('rename-peer bob Robert');
    expect([code, stderr]).toEqual([2, expect.stringContaining('--new-name "Robert": a name has only')]);
  });
});

it('--help has the verbs in groups, each with what it does beside it', async () => {
  const { stdout } = await inn('--help');
  const headings = [...stdout.matchAll(/^(\S.*):$/gm)].map(([, heading]) => heading);
  expect(headings).toEqual(['Options', 'Commands', 'peers', 'CIDRs and access', 'routes', 'server']);
  expect(stdout).toMatch(/\npeers:\n(?: {2}.*\n)* {2}disable-peer {2,}cut a peer off at once/);
});

describe('a refusal helps on', () => {
  it.each([
    [
      'disable-peer acme --name bop',
      'perhaps "bob" was meant; the peers are listed by: innernet list-peers acme',
    ],
    [
      'add-peer acme kim --cidr baker',
      'perhaps "bakers" was meant; the CIDRs are listed by: innernet list-cidrs acme',
    ],
    ['disable-peer acme --name frida', 'the peers are listed by: innernet list-peers acme'],
    [
      'add-peer acme kim --cidr humans',
      '10.42.2.0/24 is free: add-cidr NAME 10.42.2.0/24; choose one of the CIDRs in it, listed by: innernet list-cidrs acme --tree',
    ],
  ])('%s', async (line, hint) => expect((await inn(line)).stderr).toContain(`hint: ${hint}\n`));

  it('a name that is taken is the reason, and not its file', async () => {
    writeFileSync(join(folder, 'bob.toml'), '');
    const { stderr } = await inn(
      `add-peer acme bob --cidr bakers --save-config '${join(folder, 'bob.toml')}'`,
    );
    expect(stderr).toContain('the name "bob" is taken by the peer at ');
  });
});

it('--save-config - writes the invitation to stdout, and what else there is to say to stderr', async () => {
  const { stdout, stderr } = await inn('add-peer acme kim --cidr bakers --save-config -');
  expect(parseConf(stdout, 'it').networkName).toBe('acme');
  expect(stderr).toMatch(
    /^invited the peer "kim" at \S+\nhand it over in private; there: innernet install - < FILE\n$/,
  );
  expect((await inn('add-peer acme lea --cidr bakers --save-config - --json')).code).toBe(2);
});

it('list-peers says when each was seen, where that is known', async () => {
  const ago = (milliseconds: number) => new Date(Date.now() - milliseconds).toISOString() as Timestamp;
  plane.lastSeen = [
    { peerId: ids.ann, last: ago(20_000) },
    { peerId: ids.bob, last: ago(3 * 86_400_000 + 5_000) },
  ];
  const { stdout } = await inn('list-peers acme');
  expect(stdout.split('\n')[0]).toMatch(/ADMIN +STATE +SEEN +PROOF +KEY$/);
  expect(stdout).toMatch(/^ann .* joined +now +/m);
  expect(stdout).toMatch(/^bob .* joined +3 d ago +/m);
  expect(stdout).toMatch(/^ryo .* joined +never +/m);
  const peers = JSON.parse((await inn('list-peers acme --json')).stdout);
  const lastOf = (name: string) => peers.find((peer: { name: string }) => peer.name === name).lastSeen;
  expect([lastOf('ann'), lastOf('ryo')]).toEqual([plane.lastSeen[0]?.last, null]);
});

describe('with --json what goes wrong is JSON too, in one line, beside the sentence on stderr', () => {
  it('a rule', async () => {
    const { code, stdout, stderr } = await inn('disable-peer acme --name nobody --json');
    const hint = 'the peers are listed by: innernet list-peers acme';
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      {
        error: {
          ...{ sentence: 'there is no peer "nobody"', hint },
          refusal: { code: 'UnknownPeer', peer: 'nobody' },
        },
      },
    ]);
    expect(stdout.split('\n')).toHaveLength(2);
    expect(stderr).toBe(`innernet: error: there is no peer "nobody"\ninnernet: hint: ${hint}\n`);
  });

  it('the world, and wrong use', async () => {
    const errorOf = async (line: string) => JSON.parse((await inn(line)).stdout).error;
    expect(await errorOf('list-peers beta --json')).toEqual({
      ...{ sentence: 'beta is not installed here', hint: 'innernet show' },
    });
    expect(await errorOf('add-cidr acme --json --cidr 10.42.9.0/24')).toMatchObject({
      sentence: '--name is missing: there is no terminal to ask on',
    });
  });
});

describe('an end', () => {
  it.each(['', '0s', 'soon', '-1d', '2027-13-01', '5201w'])('is not "%s"', async (text) => {
    const { code, stderr } = await inn(`set-expiry acme --name bob --expires '${text}'`);
    expect(stderr).toContain(`"${text}" is not an end such as 90d, 2027-01-31, 2027-01-31T18:00 or never`);
    expect(code).toBe(2);
  });

  it('of new peers is a span, and nobody else has it at once', async () => {
    await refuses(
      'set-expiry acme --default 2099-01-31',
      2,
      '--default "2099-01-31": this must be a span such as 90d, or never',
      'innernet set-expiry --help',
    );
    await refuses(
      'set-expiry acme --name bob --default 90d',
      2,
      '--default is for peers that are added later: leave out --name and --expires',
      'innernet set-expiry --help',
    );
  });
});

describe('without a terminal the missing flag is named', () => {
  const missing = (line: string, flag: string) =>
    it(`${line}: ${flag}`, () =>
      refuses(
        line,
        2,
        `${flag} is missing: there is no terminal to ask on`,
        `innernet ${line.split(' ')[0]} --help`,
      ));

  missing('add-cidr acme', '--name');
  missing('add-cidr acme --name ovens', '--cidr');
  missing('rename-cidr acme', '--name');
  missing('rename-cidr acme --name bakers', '--new-name');
  missing('delete-cidr acme', '--name');
  missing('add-peer acme', '--name');
  missing('add-peer acme --name kim', '--cidr');
  missing('rename-peer acme --name bob', '--new-name');
  missing('disable-peer acme', '--name');
  missing('reissue-invitation acme', '--name');
  missing('revoke-invitation acme', '--name');
  missing('add-association acme', 'the first CIDR');
  missing('add-association acme bakers', 'the second CIDR');
  missing('delete-association acme', 'the two CIDRs');
  missing('delete-association acme bakers', 'the second CIDR');
  missing('set-endpoint acme', '--endpoint');

  it('what cannot be undone wants --yes', () =>
    refuses(
      'delete-peer acme --name bob',
      2,
      'Delete "bob" for good? Its address is never given again. Say --yes: there is no terminal to ask on',
      'innernet delete-peer --help',
    ));
});

describe('flags for every verb', () => {
  it('before the verb in short, after it in full', async () => {
    await inn('-vv -c /c --backend userspace --no-routing --mtu 1420 list-peers acme');
    const said = { verbose: 2, configDir: '/c', dataDir: '/var/lib/innernet', routing: false };
    expect(heard).toEqual({ ...said, backend: 'userspace', mtu: 1420 });
    await inn('list-peers acme -v --config-dir /c --backend userspace --no-routing --mtu 1420');
    expect(heard).toEqual({ ...said, verbose: 1, backend: 'userspace', mtu: 1420 });
    await inn('list-peers acme');
    expect(heard).toMatchObject({ verbose: 0, configDir: '/etc/innernet', routing: true });
  });

  it('what stands after the verb wins', async () => {
    await inn('-c /a --mtu 1300 list-peers acme --config-dir /b --mtu 1400');
    expect(heard).toMatchObject({ configDir: '/b', mtu: 1400 });
  });

  it('--version and --help are answers', async () => {
    expect(await inn('--version')).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
    expect((await inn('--help')).stdout).toMatch(/^Usage: innernet .*add-peer .*list-cidrs/s);
  });

  it('each verb has a summary and examples that its own parser takes', async () => {
    const program = programOn(async () => plane);
    for (const { name, summary } of program.commands.map((verb) => ({
      name: verb.name(),
      summary: verb.description(),
    }))) {
      expect(summary, name).toMatch(/^[a-z]/);
      const { stdout, code } = await inn(`${name} --help`);
      expect(code).toBe(0);
      const examples = stdout.split('Examples:\n')[1]?.trim().split('\n') ?? [];
      expect(examples.length, name).toBeGreaterThan(0);
      for (const example of examples) {
        const [, ...line] = words(example.replaceAll("'", ''));
        // The rules may refuse it, and something may be missing to ask for; but it is understood.
        const { stderr } = await caught(
          programOn(async () => Promise.reject(new Failure('understood'))),
          line,
        );
        expect(stderr, example).toBe('innernet: error: understood\n');
      }
    }
  });
});
