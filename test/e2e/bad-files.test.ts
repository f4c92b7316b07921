// Files that were cut, spoiled or made by somebody hostile: refused in one sentence, and everything stays as it was.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, type Host, reaches, SERVER, SmallNetwork } from './small-network.ts';

const folder = mkdtempSync(join(tmpdir(), 'innernet-bad-'));
let network: SmallNetwork;
let ann: Host;
let bare: Host;
let invitation: string;

beforeAll(async () => {
  network = await SmallNetwork.create();
  ann = (await network.join('ann')).host;
  bare = await network.lab.host('bare');
  invitation = readFileSync(await network.invite('guest'), 'utf8');
});
afterAll(async () => {
  await network.close();
  rmSync(folder, { recursive: true });
});

const sh = async (host: Host, script: string): Promise<string> => host.sure(['sh', '-c', script]);

/** All that a program might leave: files with their bytes, and the device. */
const traces = (host: Host): Promise<string> =>
  sh(
    host,
    'find /etc/innernet* /var/lib/innernet* -type f -exec sha256sum {} + 2>/dev/null; ip -o link show acme 2>/dev/null | cut -d: -f2; wg show acme peers 2>/dev/null | sort',
  ).catch(() => '');

const refused = async (host: Host, argv: readonly string[], words: RegExp): Promise<void> => {
  const before = await traces(host);
  const { code, stderr } = await host.exec(argv);
  const errors = stderr.split('\n').filter((line) => / error: /.test(line));
  expect([code, errors.length], stderr).toEqual([1, 1]);
  expect(errors[0]).toMatch(words);
  expect(stderr).not.toMatch(/\n\s+at |internal error/);
  expect(await traces(host)).toBe(before);
};

describe('an invitation', () => {
  const install = async (text: string | Buffer, words = /./): Promise<void> => {
    const file = join(folder, 'guest.toml');
    writeFileSync(file, text);
    await refused(bare, [...CLIENT, 'install', '--default-name', file], words);
  };

  it('that was cut anywhere', async () => {
    const needed = invitation.slice(
      0,
      invitation.indexOf('internal-endpoint') + 'internal-endpoint = "1'.length,
    );
    const lines = needed.split('\n');
    let length = 0;
    for (const line of lines) {
      length += line.length + 1;
      if (line.startsWith('#')) continue;
      await install(invitation.slice(0, length - Math.ceil(line.length / 2)));
    }
    await install('');
  }, 120_000);

  it.each<[string, (text: string) => string, RegExp]>([
    [
      'a name of 16 characters',
      (text) => text.replace(/network-name = ".*"/, 'network-name = "a-name-of-16-char"'),
      /15 characters/,
    ],
    ['a network of everything', (text) => text.replace(/(address = ".*)\/16"/, '$1/0"'), /\/0/],
    ['no room beside itself', (text) => text.replace(/(address = ".*)\/16"/, '$1/32"'), /./],
    ['another address family', (text) => text.replace(/address = ".*"/, 'address = "fd42::7/48"'), /./],
    ["the server's own address", (text) => text.replace(/(address = ").*"/, '$110.42.0.1/16"'), /./],
    [
      'a key that protects nothing',
      (text) => text.replace(/public-key = ".*"/, `public-key = "${'A'.repeat(43)}="`),
      /small order/,
    ],
    [
      'a key of another length',
      (text) => text.replace(/private-key = ".*"/, 'private-key = "c2hvcnQ="'),
      /private-key/,
    ],
    [
      'an endpoint that is none',
      (text) => text.replace(/external-endpoint = ".*"/, 'external-endpoint = "; rm -rf /"'),
      /external-endpoint/,
    ],
    [
      'a control character',
      (text) => text.replace(/network-name = ".*"/, 'network-name = "ac\\u001b[2Jme"'),
      /network-name/,
    ],
  ])('with %s', async (_, spoil, words) => {
    expect(spoil(invitation)).not.toBe(invitation);
    await install(spoil(invitation), words);
  });

  it('that is no text at all, or endless', async () => {
    await install(Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 37) & 255)));
    await install('#'.repeat(5_000_000), /too long/);
  });

  it('is still good afterwards', async () => {
    const file = join(folder, 'good.toml');
    writeFileSync(file, invitation);
    await bare.sure([...CLIENT, 'install', '--default-name', file]);
    expect(await reaches(bare, '10.42.0.1')).toBe(true);
  });
});

describe('the conf of a network', () => {
  it.each<[string, string]>([
    ['cut', 'head -c 60 /etc/innernet/acme.conf > /tmp/c && cat /tmp/c > /etc/innernet/acme.conf'],
    ['empty', ': > /etc/innernet/acme.conf'],
    ["a server's", 'printf \'private-key = "x"\\nlisten-port = 1\\n\' > /etc/innernet/acme.conf'],
  ])('%s', async (_, spoil) => {
    const good = await sh(ann, 'cat /etc/innernet/acme.conf');
    await sh(ann, spoil);
    await refused(ann, [...CLIENT, 'up', 'acme'], /acme\.conf/);
    await ann.sure(['sh', '-c', 'cat > /etc/innernet/acme.conf'], { input: good });
    expect(await reaches(ann, '10.42.0.1')).toBe(true);
  });
});

describe('the pins of a network', () => {
  it.each([
    ['empty', ''],
    ['cut', '{"version":"1","peers":[{"id":1,"na'],
    ['of a later version', '{"version":"2","peers":[],"cidrs":[]}'],
    ['a list', '[]'],
    [
      'with a key that is none',
      '{"version":"1","cidrs":[],"peers":[{"id":2,"name":"x","ip":"10.42.1.9","cidr_id":3,"public_key":"!","endpoint":null,"is_admin":false,"is_disabled":false,"is_redeemed":true}]}',
    ],
  ])('%s: an error with a way out, never "no pins"', async (_, text) => {
    const good = await sh(ann, 'cat /var/lib/innernet/acme.json');
    await ann.sure(['sh', '-c', 'cat > /var/lib/innernet/acme.json'], { input: text });
    await refused(ann, [...CLIENT, 'up', 'acme'], /acme\.json, which holds the pinned keys, cannot be read/);
    await ann.sure(['sh', '-c', 'cat > /var/lib/innernet/acme.json'], { input: good });
    await ann.sure([...CLIENT, 'up', 'acme']);
  });
});

describe("the server's conf", () => {
  it('cut: refused, and put back it serves on', async () => {
    await network.stopServing('SIGTERM');
    const good = await sh(network.server, 'cat /etc/innernet-server/acme.conf');
    await network.server.sure(['sh', '-c', 'cat > /etc/innernet-server/acme.conf'], {
      input: good.slice(0, 30),
    });
    await refused(network.server, [...SERVER, 'serve', 'acme'], /acme\.conf/);
    await network.server.sure(['sh', '-c', 'cat > /etc/innernet-server/acme.conf'], { input: good });
    await network.serve();
    expect(await reaches(ann, '10.42.0.1')).toBe(true);
  });
});
