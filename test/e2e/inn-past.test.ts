// What an admin's own machine is told through the tunnel: the same as on the server; and a rewritten log is noticed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { chainHash, digestOf } from '../../src/events/record.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { recordFrom } from '../../src/protocol/exported-log.ts';
import { type Hash, NO_HASH } from '../../src/values/id.ts';
import { folderForSockets } from '../folder-for-sockets.ts';
import type { Host } from '../lab.ts';
import { CLIENT, follow, isConnected, SERVER, SmallNetwork, until } from './small-network.ts';

let network: SmallNetwork;
let ann: Host;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  await network.admin('grant-admin', 'acme', '--name', 'ann');
  await follow(ann);
});
afterAll(() => network.close());

const inn = (...argv: string[]): Promise<string> => ann.sure([...CLIENT, ...argv]);
const onServer = (...argv: string[]): Promise<string> => network.server.sure([...SERVER, ...argv]);

describe('through the tunnel', () => {
  it.each([
    ['history acme --json'],
    ['history acme --utc --about ann'],
    ['state acme --json'],
    ['state acme --at 5'],
    ['diff acme 4 --json'],
    ['diff acme 4 6'],
    ['why acme ann peer:innernet-server --at 8 --json'],
    ['head acme --json'],
  ])('%s answers as on the server', async (line) => {
    const argv = line.split(' ');
    expect(await inn(...argv)).toBe(await onServer(...argv));
  });

  it('why adds what this machine knows of its way', async () => {
    const { visible, reality } = JSON.parse(
      await inn('why', 'acme', 'ann', 'peer:innernet-server', '--json'),
    );
    expect([visible, reality]).toEqual([
      true,
      [expect.stringMatching(/^a session with innernet-server stands/)],
    ]);
  });

  it('history goes on with what others do', async () => {
    const telling = ann.spawn([...CLIENT, 'history', 'acme', '--follow', '--since', '7']);
    await telling.line(/ann/, 60_000);
    // A second try of this test finds what the first has added.
    if (!(await onServer('list-cidrs', 'acme')).includes('robots'))
      await network.admin('add-cidr', 'acme', '--name', 'robots', '--cidr', '10.42.2.0/24');
    await telling.line(/added CIDR robots/, 60_000);
    expect((await telling.stop('SIGINT')).code).toBe(0);
  });

  it('a refusal tells the background, and a dry run writes nothing', async () => {
    const position = JSON.parse(await inn('head', 'acme', '--json')).position;
    const { code, stderr } = await ann.exec([
      ...CLIENT,
      'rename-cidr',
      'acme',
      '--name',
      'robots',
      '--new-name',
      'humans',
    ]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /hint: humans was added by .+ on the server at .+ \(position 6\); choose another name/,
      ),
    ]);
    expect(await inn('disable-peer', 'acme', '--name', 'ann', '--dry-run', '--yes')).toContain(
      '- ann – innernet-server',
    );
    expect(JSON.parse(await inn('head', 'acme', '--json')).position).toBe(position);
  });

  it("the dry run of one's own endpoint tells nobody", async () => {
    await inn('set-listen-port', 'acme', '--listen-port', '51900');
    const said = await inn('override-endpoint', 'acme', '-e', '192.0.2.7:51900', '--dry-run');
    expect(said).toBe(
      'nothing was changed; this would be recorded\n  set the endpoint of peer ann to 192.0.2.7:51900\n',
    );
    expect(await onServer('history', 'acme')).not.toContain('192.0.2.7');
  });

  it('revert undoes what was done on the server', async () => {
    const { position } = JSON.parse(await onServer('head', 'acme', '--json'));
    expect(await inn('revert', 'acme', String(position), '--yes')).toBe(`undid position ${position}\n`);
    expect(await onServer('list-cidrs', 'acme')).not.toContain('robots');
  });
});

describe('a peer that is no admin', () => {
  let bob: Host;
  let before: string;
  const ask = (...argv: string[]) => bob.exec([...CLIENT, ...argv]);

  beforeAll(async () => {
    bob = (await network.join('bob')).host;
    await network.admin('add-cidr', 'acme', '--name', 'vault', '--cidr', '10.42.9.0/24');
    await network.invite('zelda', 'vault');
    before = await onServer('head', 'acme');
  });

  it.each<[string, number, RegExp]>([
    ['history acme', 0, /somebody on the server added peer bob/],
    ['history acme --about bob --json', 0, /"type":"InvitationRedeemed"/],
    ['why acme bob ann', 0, /bob and ann can talk/],
    ['why acme 10.42.1.2 ann --json', 0, /"visible": true/],
    ['head acme', 0, /^\d+:[0-9a-f-]+/],
  ])('is told of itself: %s', async (line, code, words) => {
    const said = await ask(...line.split(' '));
    expect([said.code, said.stdout]).toEqual([code, expect.stringMatching(words)]);
    expect(said.stdout).not.toMatch(/vault|zelda/);
  });

  it.each<[string, RegExp]>([
    ['history acme --about ann', /only an admin may ask about others/],
    ['history acme --actor ann', /only an admin may ask who did what/],
    ['state acme', /only an admin may ask about the whole network/],
    ['diff acme 4', /only an admin may ask about the whole network/],
    ['why acme ann innernet-server', /only an admin may ask about two other peers/],
    ['why acme bob zelda', /this machine sees no peer "zelda"/],
    ['revert acme 5 --yes', /only an admin/],
    ['add-cidr acme --name x --cidr 10.42.8.0/24 --dry-run', /admin/],
  ])('is refused in a sentence with a hint: %s', async (line, words) => {
    const { code, stdout, stderr } = await ask(...line.split(' '));
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringMatching(words)]);
    expect(stderr).toMatch(/hint: /);
  });

  it('and has changed nothing', async () => expect(await onServer('head', 'acme')).toBe(before));

  it('verifies a history of which it was told little: it asks for the digests that it lacks', async () => {
    for (const name of ['one', 'two', 'three']) await network.admin('add-peer', 'acme', ...invited(name));
    const { position } = JSON.parse(await onServer('head', 'acme', '--json'));
    const { seen, server, isSame } = JSON.parse((await ask('verify', 'acme', '--json')).stdout);
    expect([seen.position < position, server.position, isSame]).toEqual([true, position, true]);
  });
});

const invited = (name: string): string[] => [
  ...['--name', name, '--cidr', 'vault', '--auto-ip', '--admin', 'false', '--invite-expires', '1d'],
  ...['--save-config', join(tmpdir(), `innernet-${process.pid}-${name}.toml`)],
];

const scrape = (socketPath: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const call = request({ socketPath, path: '/metrics' }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    call.once('error', reject).end();
  });

it('metrics are to be had while it serves', async () => {
  await network.stopServing('SIGTERM');
  const folder = folderForSockets('innernet-metrics-');
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'acme');
  const serving = network.server.spawn([...SERVER, 'serve', 'acme', '--metrics', path]);
  await serving.line(/listening/);
  await until('ann is back', async () => (await scrape(path)).includes('innernet_clients_live 1\n'), 60);
  await until(
    'her session is seen, and that of bob, whose machine has a tunnel and no program',
    async () => /^innernet_device_peers_connected [12]$/m.test(await scrape(path)),
    60,
  );
  const { position } = JSON.parse(await onServer('head', 'acme', '--json'));
  expect(await scrape(path)).toContain(`innernet_head_position ${position}\n`);
  await serving.stop('SIGTERM');
  await expect(scrape(path)).rejects.toThrow();
  await network.serve();
});

/** The same log with one word changed at position 6, and everything sealed anew: sound in itself. */
const forged = (exported: string): string => {
  const [header = '', ...lines] = exported.trimEnd().split('\n');
  let { networkId } = JSON.parse(header) as { networkId: Hash };
  let previous = NO_HASH;
  const records = lines.map((line) => {
    const record = JSON.parse(line);
    if (record.position === 6) record.body = record.body.replace('humans', 'people');
    const { salt, ...fields } = recordFrom(record);
    const digest = digestOf(fields, salt, sha256);
    previous = chainHash({ networkId, position: record.position, previous, digest }, sha256);
    if (record.position === 1) networkId = previous;
    return JSON.stringify({ ...record, digest, hash: previous });
  });
  return `${[JSON.stringify({ ...JSON.parse(header), networkId, hash: previous }), ...records].join('\n')}\n`;
};

it('a log that was rewritten is noticed by who has followed it', async () => {
  await until('ann is connected', () => isConnected(ann), 60);
  expect(await inn('verify', 'acme')).toMatch(/^the server's log contains what this machine has seen: \d+:/);
  const folder = mkdtempSync(join(tmpdir(), 'innernet-forged-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'forged'), forged(await onServer('export', 'acme')));
  await network.stopServing('SIGTERM');
  await network.server.sure(['sh', '-c', 'cd /var/lib/innernet-server && rm acme.events* acme.witness']);
  await onServer('import', 'acme', join(folder, 'forged'));
  expect(await onServer('verify', 'acme')).toContain('acme is sound'); // nothing to be seen on the server alone
  await network.serve();
  const verified = () => ann.exec([...CLIENT, 'verify', 'acme']);
  await until('the server answers', async () => !(await verified()).stderr.includes('does not answer'), 60);
  const { code, stdout, stderr } = await verified();
  expect([code, stdout, stderr]).toEqual([1, '', expect.anything()]);
  expect(stderr).toContain("error: the server's log is not the one that this machine has followed");
});
