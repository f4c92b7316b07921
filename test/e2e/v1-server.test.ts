// A peer's machine under a server that knows the old protocol only: pins are checked before the device here too.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import type { V1Peer } from '../../src/protocol/v1.ts';
import { key } from '../client/sight.ts';
import type { V1Heard, V1Word } from '../client/v1-server.ts';
import { type Host, Lab, type Running } from '../lab.ts';
import { annKeys, playServer, serverKeys, tellIn } from './lies.ts';
import { CLIENT, OBEYED, onDevice, reportOf, until } from './small-network.ts';

let lab: Lab;
let server: Host;
let ann: Host;
let daemon: Running;
let program: string;
let folder: string;

const peer = (
  id: number,
  name: string,
  ip: string,
  public_key: string,
  more: Partial<V1Peer> = {},
): V1Peer => ({
  id,
  name,
  ip,
  public_key,
  cidr_id: id === 1 ? 2 : 3,
  endpoint: null,
  persistent_keepalive_interval: 25,
  is_admin: id === 1,
  is_disabled: false,
  is_redeemed: true,
  invite_expires: null,
  candidates: [],
  ...more,
});
const bob = peer(5, 'bob', '10.42.1.5', key(50), { endpoint: '198.51.100.5:1' });
const eve = peer(6, 'eve', '10.42.1.6', key(60));

const tell = (word: V1Word): Promise<V1Heard> => tellIn(folder, word);

const show = (...peers: V1Peer[]): Promise<V1Heard> =>
  tell({
    state: {
      peers: [
        peer(1, 'innernet-server', '10.42.0.1', serverKeys.publicKey, {
          endpoint: `${server.address}:51820`,
        }),
        peer(2, 'ann', '10.42.1.2', annKeys.publicKey),
        ...peers,
      ],
      cidrs: [
        { id: 1, name: 'acme', cidr: '10.42.0.0/16', parent: null },
        { id: 2, name: 'innernet-server', cidr: '10.42.0.1/32', parent: 1 },
        { id: 3, name: 'humans', cidr: '10.42.1.0/24', parent: 1 },
      ],
    },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'innernet-v1-'));
  const source = fileURLToPath(new URL('../client/v1-server.ts', import.meta.url));
  program = await bundleForRun(source, `test-v1-server-${process.pid}`);
  lab = await Lab.create();
  [server, ann] = [await lab.host('server'), await lab.host('ann')];
  await playServer(server, ann, program, folder);
  await show(bob);
});
afterAll(async () => {
  await lab.close();
  await rm(program, { force: true });
  await rm(folder, { recursive: true });
});

describe('an old server', () => {
  it('is asked once by up, which says so', async () => {
    const { code, stderr } = await ann.exec([...CLIENT, 'up', 'acme']);
    expect([code, stderr.match(/no live stream/g)]).toEqual([0, ['no live stream']]);
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5']);
    expect((await tell({})).candidates).toEqual([[expect.stringMatching(`^${ann.address}:`)]]);
  });

  it('is asked again and again by the daemon, at the interval that was said', async () => {
    daemon = ann.spawn([...CLIENT, 'up', '--daemon', '--interval', '1', 'acme']);
    await daemon.line(/no live stream.* every 1 s/);
    await show(bob, eve);
    await until('eve is there', async () => (await onDevice(ann)).includes('10.42.1.6'));
    await until('it was asked more than twice', async () => {
      const { asked } = await tell({});
      return asked.filter((call) => call === 'GET /v1/user/state').length > 2;
    });
  });

  it('cannot swap a key: the peer is held back with its old one, and the others go on', async () => {
    await show({ ...bob, public_key: key(99) });
    await until('eve is gone', async () => !(await onDevice(ann)).includes('10.42.1.6'));
    const keys = await ann.sure(['wg', 'show', 'acme', 'peers']);
    expect(keys).not.toContain(key(99));
    expect((await reportOf(ann)).held).toMatchObject([{ rule: 'KeyChanged' }]);
    await show(bob, eve);
    await until('eve is back', async () => (await onDevice(ann)).includes('10.42.1.6'));
    expect((await reportOf(ann)).held).toEqual([]);
  });

  it('is known to doctor, and so is who is held back', async () => {
    await show({ ...bob, public_key: key(99) });
    await until('bob is held', async () => (await reportOf(ann)).held.length > 0);
    const { stdout } = await ann.exec([...CLIENT, 'doctor', 'acme', '--json']);
    const found = (step: string) => JSON.parse(stdout).find((one: { step: string }) => one.step === step);
    expect(found('version')).toMatchObject({
      ...{ grade: 'warning', found: expect.stringContaining('an older server without a live stream') },
      hint: 'on the server: bring innernet-server up to date',
    });
    expect(found('peers')).toMatchObject({
      ...{ grade: 'warning', found: expect.stringContaining('bob is held back (KeyChanged)') },
      hint: expect.stringContaining('innernet forget-pin acme 10.42.1.5'),
    });
    await show(bob, eve);
    await until('bob is let go', async () => (await reportOf(ann)).held.length === 0);
  });

  it('cannot lie about a peer: whatever rule is broken, it is held back, and the others go on', async () => {
    const lies = [
      ['AddressMoved', peer(9, 'moved', '10.42.1.9', key(50))],
      ['ServerClaimed', peer(10, 'server', '10.42.0.1', key(90))],
      ['OwnAddressClaimed', peer(11, 'self', '10.42.1.2', key(91))],
      ['OutsideNetwork', peer(12, 'outside', '192.0.2.9', key(92))],
      ['OutsideNetwork', peer(13, 'everybody', '0.0.0.0', key(93))],
    ] as const;
    await show(bob, ...lies.map(([, lie]) => lie));
    const held = async () => (await reportOf(ann)).held.map(({ rule }) => rule);
    await until('they are held back', async () => (await held()).length === lies.length);
    expect((await held()).sort()).toEqual(lies.map(([rule]) => rule).sort());
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5']);
    const keys = await ann.sure(['wg', 'show', 'acme', 'allowed-ips']);
    expect(keys).toContain(`${key(50)}\t10.42.1.5/32`);
    for (const number of [90, 91, 92, 93]) expect(keys).not.toContain(key(number));
    await show(bob, eve);
    await until('the truth is followed', async () => (await held()).length === 0);
    await until('eve is there', async () => (await onDevice(ann)).includes('10.42.1.6'));
  });

  it('cannot make a terminal, a hosts file or the memory obey: what is no row is left out', async () => {
    const nonsense = Array.from({ length: 250 }, (_, n) =>
      peer(100 + n, `\u001b[2J${n}\n6.6.6.6 bank`, n % 2 ? '0.0.0.0/0' : '::/0', 'AAAA'),
    );
    await show(bob, eve, ...nonsense, peer(9, 'a\u0007b\n6.6.6.6 bank', '10.42.1.9', key(90)));
    await daemon.line(/rows cannot be understood: .*245 more/);
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5', '10.42.1.6', '10.42.1.9']);
    const said = [
      ...daemon.lines,
      await ann.sure([...CLIENT, 'show', 'acme']),
      await ann.sure(['cat', '/etc/hosts']),
    ];
    expect(said.join('')).not.toMatch(OBEYED);
    expect(await ann.sure(['cat', '/etc/hosts'])).not.toContain('bank');
    await tell({ state: { peers: 'all of them', cidrs: [] } });
    await daemon.line(/cannot be understood(?!:)/);
    expect(await onDevice(ann)).toContain('10.42.1.5');
    await show(bob, eve);
    await until('the truth is followed', async () => (await onDevice(ann)).length === 3);
  });

  it('is asked at once by fetch', async () => {
    await show(bob);
    await ann.sure([...CLIENT, 'fetch', 'acme']);
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5']);
  });

  it('what it showed is kept: the pins hold after a kill too', async () => {
    daemon.kill('SIGKILL');
    await daemon.ended;
    await show({ ...bob, public_key: key(99) });
    await ann.sure([...CLIENT, 'up', 'acme']);
    expect(await ann.sure(['wg', 'show', 'acme', 'peers'])).not.toContain(key(99));
    expect((await reportOf(ann)).held).toMatchObject([{ rule: 'KeyChanged' }]);
  });
});
