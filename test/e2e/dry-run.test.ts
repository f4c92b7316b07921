// Dry runs of what changes a machine: each says what it would do, and files, device and log stay to the byte.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { shellWord } from '../../src/domain/rejection.ts';
import { CLIENT, type Host, SERVER, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;
let late: string;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await network.join('bob');
  await ann.sure([...CLIENT, 'fetch', 'acme']);
  await ann.sure([...CLIENT, 'up', 'acme']);
  late = await network.invite('late');
});
afterAll(() => network.close());

/** Everything that is there: files with their content, and devices with their peers, keys and addresses. */
const everything = async (host: Host): Promise<string> => {
  const look = [
    'find /etc/innernet* /var/lib/innernet* -type f ! -name "*-shm" | sort | xargs sha256sum',
    'cat /etc/hosts',
    'ip -o addr show dev acme',
    'wg show acme allowed-ips | sort',
    'wg show acme listen-port',
    'wg show acme endpoints | sort',
  ];
  return host.sure(['sh', '-c', look.map((line) => `${line} 2>/dev/null`).join('; true; ')]);
};

type Case = [line: string, words: RegExp];

const PEER: Case[] = [
  ['set-listen-port acme --listen-port 51900', /^ {2}let acme listen at port 51900$/m],
  ['serve-relay acme --port 4000', /^ {2}pass packets of other peers of acme at UDP port 4000, if an admin/m],
  ['serve-relay acme --off', /^nothing would be done: it is so already$/m],
  ['set-listen-port acme --unset', /^nothing would be done: it is so already$/m],
  [
    'override-peer-endpoint acme --name bob -e 192.0.2.9:51820',
    /^ {2}reach "bob" at 192\.0\.2\.9:51820 from this machine$/m,
  ],
  ['override-peer-endpoint acme --name bob --unset', /^nothing would be done/m],
  ['forget-pin acme bob', /^ {2}forget that bob is 10\.42\.1\.2 with the key \S{10}/m],
  ['down acme', /^ {2}remove the device acme with its tunnels$/m],
  ['uninstall acme', /^ {2}delete \/etc\/innernet\/acme\.conf$/m],
  ['override-endpoint acme --unset', /^nothing would be recorded/m],
];

describe('on a peer', () => {
  let before: string;
  beforeEach(async () => {
    await until('bob is met', async () => !(await everything(ann)).includes('(none)'));
    before = await everything(ann);
    expect(before).toContain('acme.conf');
    expect(before).toContain('10.42.1.2');
  });

  it.each(PEER)('%s', async (line, words) => {
    const argv = line.split(' ');
    expect(await ann.sure([...CLIENT, ...argv, '--dry-run'])).toMatch(words);
    const told = JSON.parse(await ann.sure([...CLIENT, ...argv, '--dry-run', '--json']));
    expect(told.dryRun).toBe(true);
    expect((told.changes ?? told.events).length > 0).toBe(!words.source.includes('nothing would'));
    expect(await everything(ann)).toBe(before);
  });

  it('an invitation, which is still good afterwards', async () => {
    const argv = [...CLIENT, 'install', late, '--name', 'second', '--allow-overlap', '--dry-run'];
    expect(await ann.sure(argv)).toMatch(/use the invitation up\n {2}write \/etc\/innernet\/second\.conf/);
    expect(await everything(ann)).toBe(before);
    expect(await network.isRedeemed('late')).toBe(false);
  });

  it.each([
    ['forget-pin acme nobody', /no key is pinned for "nobody"/],
    ['acknowledge acme', /nothing to acknowledge/],
  ])('%s: refused, as it would be', async (line, words) => {
    const { code, stderr } = await ann.exec([...CLIENT, ...line.split(' '), '--dry-run']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(words)]);
    expect(await everything(ann)).toBe(before);
  });
});

describe('on the server', () => {
  const onServer = (...argv: string[]) => network.server.sure([...SERVER, ...argv]);
  let before: string;
  beforeEach(async () => {
    before = await everything(network.server);
    expect(before).toContain('acme.events');
  });

  it('uninstall says what would go, also while it is being served', async () => {
    expect(await onServer('uninstall', 'acme', '--dry-run', '--delete-log')).toMatch(
      /delete \S+acme\.conf\n[\s\S]*acme\.events$/m,
    );
    expect(await onServer('uninstall', 'acme', '--dry-run')).not.toContain('acme.events');
    expect(await everything(network.server)).toBe(before);
  });

  it('rebuild and import', async () => {
    expect(await onServer('rebuild', 'acme', '--dry-run')).toMatch(
      / {2}make the read models .* anew from \d+/,
    );
    await network.server.sure([
      'sh',
      '-c',
      `${SERVER.map(shellWord).join(' ')} export acme > /tmp/acme-${process.pid}.ndjson`,
    ]);
    const copy = `/tmp/acme-${process.pid}.ndjson`;
    const { changes } = JSON.parse(await onServer('import', 'other', copy, '--dry-run', '--json'));
    expect(changes).toEqual([
      expect.stringMatching(/^make \/var\/lib\/innernet-server\/other\.events from \d+ records/),
    ]);
    await network.server.sure(['sh', '-c', `sed -i 's/humans/people/' ${copy}`]);
    const { code } = await network.server.exec([...SERVER, 'import', 'other', copy, '--dry-run']);
    await network.server.sure(['rm', copy]);
    expect(code).toBe(1);
    expect(await everything(network.server)).toBe(before);
  });
});
