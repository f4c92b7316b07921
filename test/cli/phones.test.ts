// Phones by their verbs: what is recorded, what the file says, where the private key goes, and a QR code that another library reads.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PrivateKey } from '../../src/values/key.ts';
import { publicKeyOf } from '../../src/values/key-pair.ts';
import { acme, acme6, ids, keyOf } from '../acme.ts';
import { scanned } from '../lab/scanner.ts';
import { MemoryPlane } from '../plane.ts';
import { caught, programOn, type Said, words } from './called.ts';

let plane: MemoryPlane;
let folder: string;
beforeEach(() => {
  plane = new MemoryPlane('acme', acme.network);
  folder = mkdtempSync(join(tmpdir(), 'phones-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const inn = (line: string): Promise<Said> =>
  caught(
    programOn(async () => plane),
    words(line),
  );

const READS =
  'what a phone says is encrypted as far as innernet-server, which passes it on and can read it\n';

const file = (
  address: string,
  { range = '10.42.0.0/16', key = '# PrivateKey: the phone alone has it' } = {},
) =>
  [
    ...['[Interface]', key, `Address = ${address}`, 'MTU = 1280', ''],
    ...['[Peer]', `PublicKey = ${keyOf('server')}`, `AllowedIPs = ${range}`],
    ...['Endpoint = vpn.example.org:51820', 'PersistentKeepalive = 25', ''],
  ].join('\n');

const keyIn = (text: string): PrivateKey => PrivateKey.parse(/PrivateKey = (\S+)/.exec(text)?.[1]);

const phone = async () => (await plane.view()).peers.find(({ name }) => name === 'ann-phone');

describe('add-phone', () => {
  it('writes a file that only its owner reads, with a key that nothing else has', async () => {
    const conf = join(folder, 'ann-phone.conf');
    const { code, stdout, stderr } = await inn(
      `add-phone acme ann-phone --cidr bakers --save-config '${conf}'`,
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toBe(`added the phone "ann-phone" at 10.42.129.3: ${conf}\n${READS}`);
    const text = readFileSync(conf, 'utf8');
    const key = keyIn(text);
    expect(text).toBe(file('10.42.129.3/32', { key: `PrivateKey = ${key.reveal()}` }));
    expect(statSync(conf).mode & 0o777).toBe(0o600);
    expect(await phone()).toMatchObject({ publicKey: publicKeyOf(key), via: ids.server, isAdmin: false });
    expect(JSON.stringify(plane.asked)).not.toContain(key.reveal());
  });

  it('records the peer and its router in one commit', async () => {
    const conf = join(folder, 'one.conf');
    const { stdout } = await inn(`add-phone acme ann-phone --cidr bakers --json --save-config '${conf}'`);
    expect(JSON.parse(stdout)).toMatchObject({
      events: [
        { type: 'PeerAdded', name: 'ann-phone', redeemed: true, isAdmin: false },
        { type: 'PlainPeerDeclared', via: ids.server },
      ],
      ip: '10.42.129.3',
      file: conf,
      config: file('10.42.129.3/32'),
    });
    expect(stdout).not.toContain(keyIn(readFileSync(conf, 'utf8')).reveal());
  });

  it('shows a QR code that another library reads as the file', async () => {
    const { code, stdout } = await inn('add-phone acme ann-phone --cidr bakers --qr');
    expect(code).toBe(0);
    const text = scanned(stdout) ?? '';
    expect(text).toBe(file('10.42.129.3/32', { key: `PrivateKey = ${keyIn(text).reveal()}` }));
    expect(await phone()).toMatchObject({ publicKey: publicKeyOf(keyIn(text)) });
  });

  it('in an IPv6 network too', async () => {
    plane = new MemoryPlane('acme', acme6.network);
    const text = scanned((await inn('add-phone acme ann-phone --cidr bakers --qr')).stdout) ?? '';
    const key = `PrivateKey = ${keyIn(text).reveal()}`;
    expect(text).toBe(file(`${(await phone())?.ip}/128`, { range: 'fdac:42::/48', key }));
  });

  it('refuses a terminal that is too narrow, and records nothing', async () => {
    const { columns, isTTY } = process.stdout;
    Object.assign(process.stdout, { columns: 50, isTTY: true });
    try {
      const { code, stderr } = await inn('add-phone acme ann-phone --cidr bakers --yes');
      expect(code).toBe(1);
      expect(stderr).toMatch(/error: the QR code is \d+ columns wide, and this terminal has 50\n/);
      expect(stderr).toContain('hint: make the terminal wider, or write a file: --save-config NAME.conf\n');
      expect(await phone()).toBeUndefined();
    } finally {
      Object.assign(process.stdout, { columns, isTTY });
    }
  });

  it('takes the key that a phone made, and says the rest of its file', async () => {
    const line = `add-phone acme ann-phone --cidr bakers --public-key ${keyOf('mia')}`;
    expect(await inn(line)).toEqual({
      code: 0,
      stdout: file('10.42.129.3/32'),
      stderr: `added the phone "ann-phone" at 10.42.129.3\n${READS}`,
    });
    expect(await phone()).toMatchObject({ publicKey: keyOf('mia') });
  });

  it('names the flag that is missing where there is no terminal', async () => {
    const { code, stderr } = await inn('add-phone acme ann-phone --cidr bakers');
    expect(code).toBe(2);
    expect(stderr).toContain('--qr or --save-config is missing');
    expect(await phone()).toBeUndefined();
  });

  it('leaves no file when a rule refuses, nor after a dry run', async () => {
    const conf = join(folder, 'bob.conf');
    expect((await inn(`add-phone acme bob --cidr bakers --save-config '${conf}'`)).stderr).toContain(
      '"bob" is taken',
    );
    const { stdout } = await inn(`add-phone acme ann-phone --cidr bakers --dry-run --save-config '${conf}'`);
    expect(stdout).toContain(
      'made peer ann-phone a plain one, such as a phone: innernet-server passes its packets',
    );
    expect(existsSync(conf)).toBe(false);
    expect(await phone()).toBeUndefined();
  });

  it('says that the server passes no packets of phones, and records nothing', async () => {
    plane.phonesRefused = 'its conf /etc/innernet-server/acme.conf says phones = false';
    const { code, stderr } = await inn('add-phone acme ann-phone --cidr bakers --qr');
    expect(code).toBe(1);
    expect(stderr).toContain(`error: the server passes no packets of phones: ${plane.phonesRefused}\n`);
    expect(await phone()).toBeUndefined();
  });
});

describe('a phone that is there', () => {
  beforeEach(async () => {
    await inn(`add-phone acme ann-phone --cidr bakers --public-key ${keyOf('mia')}`);
  });

  it('gets another key at the same address', async () => {
    const conf = join(folder, 'again.conf');
    const { stderr } = await inn(`rekey-phone acme ann-phone --save-config '${conf}'`);
    expect(stderr).toBe(`gave "ann-phone" another key at 10.42.129.3: ${conf}\n${READS}`);
    const key = publicKeyOf(keyIn(readFileSync(conf, 'utf8')));
    expect(await phone()).toMatchObject({ publicKey: key, ip: '10.42.129.3' });
    const { stderr: refused } = await inn(`rekey-phone acme ann-phone --public-key ${keyOf('mia')}`);
    expect(refused).toContain('was used before, and a key is never used twice');
  });

  it('has a file that can be asked for again, without its key', async () => {
    expect(await inn('phone-config acme ann-phone')).toEqual({
      code: 0,
      stdout: file('10.42.129.3/32'),
      stderr: '',
    });
    await inn('set-endpoint acme -e 203.0.113.9:4000');
    expect((await inn('phone-config acme ann-phone --json')).stdout).toContain('Endpoint = 203.0.113.9:4000');
  });

  it('is marked among the peers', async () => {
    expect((await inn('list-peers acme')).stdout).toMatch(/^ann-phone +10\.42\.129\.3 +bakers +phone/m);
    expect(JSON.parse((await inn('list-peers acme --json')).stdout)).toContainEqual(
      expect.objectContaining({ name: 'ann-phone', via: ids.server }),
    );
  });

  it('becomes no admin, and no peer of another kind gets its verbs', async () => {
    expect((await inn('grant-admin acme --name ann-phone')).stderr).toContain('"ann-phone" is a phone');
    const { code, stderr } = await inn('rekey-phone acme bob --qr');
    expect(code).toBe(1);
    expect(stderr).toContain('error: "bob" is no phone\n');
    expect(stderr).toContain('hint: the phones are marked among the peers: innernet list-peers acme\n');
  });
});
