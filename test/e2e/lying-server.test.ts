// A peer's machine under a lying server: nothing unverified reaches WireGuard, and the rest goes on working.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import type { PeerRow } from '../../src/protocol/rows.ts';
import type { Endpoint } from '../../src/values/endpoint.ts';
import type { Lie } from '../client/lying-server.ts';
import { History, row } from '../client/sight.ts';
import { type Host, Lab, type Running } from '../lab.ts';
import { annKeys, playServer, serverKeys, tellIn } from './lies.ts';
import { CLIENT, OBEYED, onDevice, reportOf, until } from './small-network.ts';

let lab: Lab;
let server: Host;
let ann: Host;
let daemon: Running;
let program: string;
let folder: string;

const serverRow = (): PeerRow =>
  row(1, '10.42.0.1', 1, {
    publicKey: serverKeys.publicKey,
    name: 'innernet-server',
    endpoint: `${server.address}:51820` as Endpoint,
  });
const annRow = row(2, '10.42.1.2', 2, { publicKey: annKeys.publicKey, name: 'ann' });
const bob = row(5, '10.42.1.5', 50, { name: 'bob' });
const eve = row(6, '10.42.1.6', 60, { name: 'eve' });

const tell = (lie: Lie): Promise<{ kind: string; position: number; held: number }[]> => tellIn(folder, lie);

/** Whether the client has said that it stands at a position with so many things held back. */
const applied = (position: number, held: number) =>
  until(`ann stands at ${position} with ${held} held back`, async () => {
    const last = (await tell({})).findLast(({ kind }) => kind === 'applied');
    return last?.position === position && last.held === held;
  });

/** Sorted: wireguard-go names its peers in any order. */
const keysOnDevice = async (): Promise<string> =>
  (await ann.sure(['wg', 'show', 'acme', 'allowed-ips'])).trim().split('\n').sort().join('\n');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'innernet-lies-'));
  const source = fileURLToPath(new URL('../client/lying-server.ts', import.meta.url));
  program = await bundleForRun(source, `test-lying-server-${process.pid}`);
  lab = await Lab.create();
  [server, ann] = [await lab.host('server'), await lab.host('ann')];
  await playServer(server, ann, program, folder);
});
afterAll(async () => {
  await lab.close();
  await rm(program, { force: true });
  await rm(folder, { recursive: true });
});

let history: History;

/** A client that is new to the network, and has seen bob at position 3 of an honest history. */
beforeEach(async () => {
  daemon?.kill('SIGKILL');
  await daemon?.ended;
  await ann.sure(['sh', '-c', 'rm -f /var/lib/innernet/acme.*; ip link delete acme 2>/dev/null; true']);
  // It proves nothing, and is believed all the same: what is tried here is what pins and the chain do against lies.
  await ann.sure([...CLIENT, 'acknowledge', 'acme', '--older-server']);
  await tell({ hangUp: true });
  history = new History(9, `${Math.random()}`);
  await greet(history, 3, [bob]);
  await start();
  await applied(3, 0);
});

const start = async (): Promise<void> => {
  daemon = ann.spawn([...CLIENT, 'up', '--daemon', 'acme']);
  await daemon.line(/up at/);
};

/** What the server says from now on to those who connect. */
const greet = (log: History, position: number, peers: PeerRow[], from = position): Promise<unknown> => {
  const { hash } = log.head(position);
  return tell({
    greeting: [log.welcome(position), { kind: 'fetch', position, hash }],
    snapshot: log.snapshot(from, position, [serverRow(), annRow, ...peers]),
  });
};

describe('R12: a lie about a peer', () => {
  it('of each kind is held back, shown, and nothing else stops', async () => {
    const lies = [
      ['KeyChanged', row(5, '10.42.1.5', 99)],
      ['AddressMoved', row(9, '10.42.1.9', 50)],
      ['ServerClaimed', row(10, '10.42.0.1', 100)],
      ['OwnAddressClaimed', row(11, '10.42.1.2', 101)],
      ['OutsideNetwork', row(12, '192.0.2.9', 102)],
      ['OutsideNetwork', row(13, '0.0.0.0', 103)],
      ['OutsideNetwork', row(14, '127.0.0.1', 104)],
      ['OutsideNetwork', row(15, '::', 105)],
    ] as const;
    const before = await keysOnDevice();
    await tell({ frames: [history.delta(3, 4, { changed: [...lies.map(([, lie]) => lie), eve] })] });
    await applied(4, lies.length);
    const after = await keysOnDevice();
    for (const line of before.trim().split('\n')) expect(after).toContain(line);
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5', '10.42.1.6']);
    for (const [, lie] of lies)
      expect(after).not.toContain(lie.publicKey === bob.publicKey ? '10.42.1.9' : lie.publicKey);
    const held = (await reportOf(ann)).held.map(({ rule }) => rule);
    expect(held.sort()).toEqual(lies.map(([rule]) => rule).sort());
    expect(await ann.sure(['ip', 'route'])).not.toMatch(/(default|0\.0\.0\.0|127).* dev acme/);
  });

  it('a removed peer does not come back by a frame that was sent before', async () => {
    const adding = history.delta(3, 4, { changed: [eve] });
    await tell({
      frames: [
        adding,
        history.delta(4, 5, { removed: [6] }),
        adding,
        history.delta(2, 4, { changed: [eve] }),
      ],
    });
    await applied(5, 0);
    await tell({ frames: [history.delta(5, 6)] });
    await applied(6, 0);
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5']);
  });

  it('the pin counts after a cold start, until the user forgets it', async () => {
    await tell({ frames: [history.delta(3, 4, { removed: [5] })] });
    await applied(4, 0);
    daemon.kill('SIGKILL');
    await daemon.ended;
    await greet(history, 5, [row(7, bob.ip, 99, { name: 'bob' })], 4);
    await start();
    await applied(5, 1);
    expect(await onDevice(ann)).toEqual(['10.42.0.1']);
    const shown = await ann.sure([...CLIENT, 'show', 'acme']);
    expect(shown).toMatch(/held back: bob \(KeyChanged\)[\s\S]*innernet forget-pin acme 10.42.1.5/);
    await ann.sure([...CLIENT, 'forget-pin', 'acme', 'bob']);
    await until('bob is let in', async () => (await onDevice(ann)).includes('10.42.1.5'));
  });
});

describe('R13: a lie about history', () => {
  it('a fork: the alarm is raised and stays, removals are obeyed, nobody is let in; the truth ends it', async () => {
    const fork = history.fork(2, 9);
    await greet(fork, 4, [eve]);
    await tell({ frames: [fork.delta(3, 4, { changed: [eve] })] });
    await applied(3, 1);
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5']);
    await tell({ frames: [fork.delta(4, 5, { removed: [5], changed: [eve] })] });
    await until('bob is gone', async () => (await onDevice(ann)).join() === '10.42.0.1');
    daemon.kill('SIGKILL');
    await daemon.ended;
    expect((await reportOf(ann)).alarm).toMatchObject({ breach: 'ChainBroken' });
    await greet(history, 6, [bob, eve], 3);
    await start();
    await applied(6, 0);
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5', '10.42.1.6']);
    expect((await reportOf(ann)).alarm).toBeNull();
  });

  it.each([
    ['an older head', () => greet(history, 2, [])],
    ['another network', () => greet(new History(9, 'other'), 9, [])],
    ['a snapshot to which no chain leads', () => greet(history, 7, [eve])],
  ])('%s: the same', async (_, lie) => {
    await lie();
    await tell({ hangUp: true });
    await until('the alarm', async () => (await reportOf(ann)).alarm !== null);
    await until('who is not shown is gone', async () => (await onDevice(ann)).join() === '10.42.0.1');
  });
});

/** Megabytes that the daemon holds in memory. */
const memory = async (): Promise<number> => {
  const [, kilobytes = ''] =
    /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${daemon.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
};

/** Works as before, and follows the truth as soon as it is told. */
const recovers = async (position = 6): Promise<void> => {
  expect(daemon.running).toBe(true);
  await greet(history, position, [bob, eve], 3);
  await tell({ nonsense: null, hangUp: true });
  await applied(position, 0);
  expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5', '10.42.1.6']);
};

describe('R12: a lie about the whole internet', () => {
  it.each([
    ['an address that is a range', '0.0.0.0/0'],
    ['the range of the network itself', '10.42.0.0/16'],
  ])('%s reaches no device', async (_, ip) => {
    const before = await keysOnDevice();
    await tell({ frames: [history.delta(3, 4, { changed: [row(9, ip, 99)] })] });
    await greet(history, 5, [row(9, ip, 99), bob], 3);
    await tell({ hangUp: true });
    await until('it has looked at that', async () =>
      daemon.lines.some((line) => /held back|understood/.test(line)),
    );
    expect(await keysOnDevice()).toBe(before);
    expect(await ann.sure(['ip', 'route'])).not.toMatch(/default.* dev acme/);
    await recovers();
  });

  it('names that a terminal or a hosts file would obey stay words', async () => {
    const names = [
      '\u001b]0;owned\u0007',
      'a\nb',
      'x\t6.6.6.6 bank',
      '# DO NOT EDIT',
      'b\u202eob',
      'a\u0000b',
    ];
    const changed = names.map((name, n) => row(20 + n, `10.42.1.${20 + n}`, 120 + n, { name }));
    await tell({ frames: [history.delta(3, 4, { changed })] });
    await applied(4, 0);
    const shown = await Promise.all(
      [
        ['show', 'acme'],
        ['show', '--tree', 'acme'],
        ['list-peers', 'acme'],
        ['doctor', 'acme'],
      ].map(async (verb) => Object.values(await ann.exec([...CLIENT, ...verb])).join('')),
    );
    await until('the hosts file', async () => (await ann.sure(['cat', '/etc/hosts'])).includes('10.42.1.5'));
    const hosts = await ann.sure(['cat', '/etc/hosts']);
    expect([...shown, ...daemon.lines].join('')).not.toMatch(OBEYED);
    expect(hosts).not.toMatch(/owned|bank|10\.42\.1\.2[0-5]/);
    expect(hosts.match(/# DO NOT EDIT/g)).toHaveLength(2);
  });
});

describe('R12: too much, too little, in the wrong order', () => {
  it('deltas that are dropped, doubled or turned round let nothing in twice or too early', async () => {
    const [add, remove] = [history.delta(3, 4, { changed: [eve] }), history.delta(4, 5, { removed: [6] })];
    await greet(history, 5, [bob], 3);
    await tell({ frames: [remove] });
    await applied(5, 0);
    await tell({ frames: [add, remove, add] });
    await tell({ frames: [history.delta(5, 6)] });
    await applied(6, 0);
    expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5']);
  });

  it.each(['zeros', 'objects', 'bomb', 'endless'] as const)(
    'a snapshot of nonsense without end (%s) costs a bounded amount of memory',
    async (nonsense) => {
      await tell({
        nonsense,
        greeting: [history.welcome(4), { kind: 'fetch', ...history.link(3, 4) }],
        hangUp: true,
      });
      await until(
        'it has looked at that',
        async () =>
          daemon.lines.some((line) => /understood|more than any network|does not answer/.test(line)),
        60,
      );
      expect(await memory()).toBeLessThan(500);
      await recovers();
    },
  );

  it('frames that are too long or too short end the connection, and no more', async () => {
    await tell({ shout: { text: 'x', over: 2 ** 20 + 1, times: 1 } });
    await tell({ frames: [''], hangUp: true });
    await tell({ shout: { text: '{}', over: 1, times: 10_000 } });
    await recovers();
  });

  it('a million peers: one for each address is taken, then it is said, and all stays as it was', {
    timeout: 300_000,
  }, async () => {
    const swarm = { seed: history.seed, from: 3, peers: 1_000_000, inFrame: 2_000 };
    await tell({ swarm });
    await daemon.line(/TooMany/, 240_000);
    expect(await memory()).toBeLessThan(700);
    expect(await keysOnDevice()).toContain(bob.publicKey);
    const { held } = await reportOf(ann);
    expect(held.length).toBeLessThanOrEqual(10_000);
  });
});

it('nonsense ends the connection, and no more', async () => {
  for (const frame of [
    '{"kind":"delta"}',
    'not JSON',
    '{"kind":"welcome","network":1}',
    '{"kind":"news"}',
    '[]',
    'null',
  ])
    await tell({ frames: [frame] });
  await greet(history, 4, [bob, eve], 3);
  await tell({ hangUp: true });
  await applied(4, 0);
  expect(await onDevice(ann)).toEqual(['10.42.0.1', '10.42.1.5', '10.42.1.6']);
});
