// Whatever a person gets wrong: one sentence that names rule and value, a hint, the exit code, and nothing changed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, clientOfNobody, type Host, SERVER, SmallNetwork, serverOfNobody } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let bare: Host;
/** The history before anything wrong was typed. */
let before: string;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bare = await network.lab.host('bare');
  before = await history();
});
afterAll(() => network.close());

const history = () => network.server.sure([...SERVER, 'history', 'acme', '--json']);

const oneSentence = (stderr: string): void => {
  const errors = stderr.split('\n').filter((line) => / error: /.test(line));
  expect(errors, stderr).toHaveLength(1);
  expect(stderr).toMatch(/ hint: /);
  expect(stderr).not.toMatch(/\n\s+at /);
};

const ADD_PEER = [
  'add-peer',
  'acme',
  '--cidr',
  'humans',
  '--admin',
  'false',
  '--save-config',
  '/tmp/nobody.toml',
];

describe('on the server', () => {
  it.each([
    [['add-cidr', 'acme', '--name', 'Bad Name', '--cidr', '10.42.9.0/24'], 2, /"Bad Name"/],
    [['add-cidr', 'acme', '--name', 'x', '--cidr', '10.42.9.1/24'], 2, /host bits.*10\.42\.9\.0\/24/],
    [['add-cidr', 'acme', '--name', 'x', '--cidr', '10.43.9.0/24'], 1, /not inside the network's range/],
    [['add-cidr', 'acme', '--name', 'x', '--cidr', '10.42.1.0/25'], 1, /humans/],
    [['add-cidr', 'acme', '--name', 'humans', '--cidr', '10.42.9.0/24'], 1, /name "humans" is taken/],
    [[...ADD_PEER, '--name', 'ann', '--auto-ip'], 1, /name "ann" is taken/],
    [[...ADD_PEER, '--name', 'x', '--ip', '10.42.1.1'], 1, /10\.42\.1\.1 is taken by "ann"/],
    [[...ADD_PEER, '--name', 'x', '--ip', '10.42.2.1'], 1, /10\.42\.2\.1 is not inside "humans"/],
    [[...ADD_PEER, '--name', 'x', '--ip', '10.42.1.0'], 1, /10\.42\.1\.0/],
    [[...ADD_PEER, '--name', 'x', '--auto-ip', '--invite-expires', '14'], 2, /14d/],
    [['disable-peer', 'acme', '--name', 'nobody'], 1, /no peer "nobody"/],
    [['disable-peer', 'acme', '--name', 'innernet-server'], 1, /server's own peer is fixed/],
    [['delete-association', 'acme', 'humans', 'nowhere'], 1, /no CIDR "nowhere"/],
    [['rename-peer', 'acme'], 2, /--name/],
    [['add-peer', 'acme'], 2, /--/],
    [['list-peers', 'nope'], 1, /nope/],
    [['serve', 'acme'], 1, /running already \(process \d+\)/],
    [['frobnicate'], 2, /frobnicate/],
    [['list-peers', 'acme', '--wrong'], 2, /--wrong/],
  ])('%j', async (argv, exit, sentence) => {
    const { code, stdout, stderr } = await network.server.exec([...SERVER, ...argv]);
    expect(stderr).toMatch(sentence);
    expect(code, stderr).toBe(exit);
    expect(stdout).toBe('');
    oneSentence(stderr);
  });
});

describe('on the server, without sudo', () => {
  let nobody: string[];
  beforeAll(async () => {
    nobody = await serverOfNobody(network.server);
  }, 60_000);

  it.each([
    [['history', 'acme']],
    [['state', 'acme']],
    [['diff', 'acme', '1']],
    [['why', 'acme', 'ann', 'innernet-server']],
    [['head', 'acme']],
    [['verify', 'acme']],
    [['list-peers', 'acme']],
    [['backup', 'acme', '/tmp/never.backup']],
    [['doctor', 'acme']],
    [['rebuild', 'acme']],
    [['export', 'acme', '--ndjson']],
    [['disable-peer', 'acme', '--name', 'ann']],
    [['show']],
    [['down', 'acme']],
  ])('%j', async (argv) => {
    const { code, stdout, stderr } = await network.server.exec([...nobody, ...argv]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /(permission denied|not allowed to read \S+)\n.*hint: run it as root, with sudo\n$/,
    );
  });
});

describe('on a peer', () => {
  it.each([
    [['install', '/etc/hostname'], 1, /hostname/],
    [['add-cidr', 'acme', '--name', 'x', '--cidr', '10.42.9.0/24'], 1, /admin/],
    [['up', 'nope'], 1, /nope/],
    [['show', 'nope'], 1, /nope/],
    [['install'], 2, /invitation/],
    [['help', 'frobnicate'], 2, /there is no verb "frobnicate"/],
    [['completions', 'tcsh'], 2, /shell "tcsh": allowed choices are bash, zsh, fish/],
  ])('%j', async (argv, exit, sentence) => {
    const { code, stderr } = await ann.exec([...CLIENT, ...argv]);
    expect(stderr).toMatch(sentence);
    expect(code, stderr).toBe(exit);
    oneSentence(stderr);
  });

  it('and nothing of all that is in the log', async () => expect(await history()).toBe(before));

  it('no root: says so, at once', async () => {
    const { code, stderr } = await ann.exec([...(await clientOfNobody(ann)), 'up', 'acme']);
    expect(code).toBe(1);
    oneSentence(stderr);
    expect(stderr).toMatch(/root|sudo/);
  });

  it('no wireguard-go and no /dev/net/tun: named, and nothing is left', async () => {
    const invitation = await network.invite('late');
    const gone = await bare.exec([...CLIENT, '--backend', 'userspace', 'install', invitation], {
      env: { WG_USERSPACE_IMPLEMENTATION: '/nowhere/wireguard-go' },
    });
    expect(gone.stderr).toMatch(/\/nowhere\/wireguard-go/);
    oneSentence(gone.stderr);
    await bare.sure(['sh', '-c', 'mount -t tmpfs none /dev/net']);
    const tunless = await bare.exec([...CLIENT, 'install', invitation]);
    expect(tunless.stderr).toMatch(/\/dev\/net\/tun/);
    oneSentence(tunless.stderr);
    await bare.sure(['umount', '/dev/net']);
    expect((await bare.exec(['ip', 'link', 'show', 'acme'])).code).not.toBe(0);
    await bare.sure([...CLIENT, 'install', invitation]);
  });
});
