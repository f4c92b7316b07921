// R84, R85: a standby's machine takes over from one that was cut off, killed at any step; and the old one comes back.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answeredIn, BROKEN, missedInARow } from '../lab/pings.ts';
import type { Running } from '../lab.ts';
import { bundled } from '../server/bundled.ts';
import { join as joinNetwork, type Peer } from './meeting.ts';
import {
  type Answer,
  CLIENT,
  type Host,
  onDevice,
  reaches,
  reportOf,
  SERVER,
  SmallNetwork,
  until,
} from './small-network.ts';

const scratch = mkdtempSync(join(tmpdir(), 'innernet-promote-'));
const kit = join(scratch, 'acme.kit');
const env = { INNERNET_KIT_PASSPHRASE: 'a dozen words or so' };
const DATA = '/var/lib/innernet-server';

let asking: Awaited<ReturnType<typeof bundled>>;
let network: SmallNetwork;
let spare: Peer;
let ann: Peer;
let bob: Peer;
/** On the standby's machine. */
let serving: Running;

beforeAll(async () => {
  asking = await bundled('test/wireguard/asking.ts');
  network = await SmallNetwork.create();
  const behind = async (name: string) =>
    joinNetwork(network, name, { behind: await network.lab.router(`of-${name}`) });
  spare = await joinNetwork(network, 'spare');
  [ann, bob] = [await behind('ann'), await behind('bob')];
});
afterAll(async () => {
  await network.close();
  asking.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const promote = (...flags: string[]): Promise<Answer> =>
  spare.host.exec([...SERVER, 'promote', 'acme', ...flags], { env, timeout: 60_000 });

/** As many as the file of the server remembers. */
const remembered = async (): Promise<number> => {
  const { stdout } = await network.server.exec(['cat', `${DATA}/acme.observations`]);
  return (stdout.match(/"endpoint":"/g) ?? []).length;
};

/** What a standby has: the log, what was observed, and the kit. */
const follow = async ({ host }: Peer): Promise<void> => {
  const log = join(scratch, 'acme.backup');
  rmSync(log, { force: true });
  await network.server.sure([...SERVER, 'backup', 'acme', log]);
  await host.sure(['mkdir', '-p', '-m', '700', DATA]);
  await host.sure(['cp', log, `${DATA}/acme.events`]);
  await host.sure(['cp', `${log}.observations`, `${DATA}/acme.observations`]);
  await host.sure(['cp', kit, `${DATA}/acme.kit`]);
};

const at = (host: Host): string => `${host.address}:51820`;

/** What the question finds by a clock that is so far behind, asked on the standby's machine. */
const asked = async (behindMs: number): Promise<string> => {
  const own = (await network.server.sure(['cat', `${DATA}/acme.question-key`])).trim();
  const other = (await network.server.sure(['wg', 'show', 'acme', 'public-key'])).trim();
  const file = join(scratch, 'question');
  writeFileSync(file, JSON.stringify({ own, other, places: [at(network.server)], behindMs }), {
    mode: 0o600,
  });
  return (await spare.host.sure([process.execPath, asking.path, file])).trim();
};

const isThere = async (host: Host, file: string): Promise<boolean> =>
  (await host.exec(['test', '-e', file])).code === 0;

const connected = async (host: Host): Promise<string[]> => {
  const lines = await host.sure(['ss', '-Htn', 'state', 'established', 'sport = :51820']);
  return [...new Set([...lines.matchAll(/ (10\.42\.1\.\d+):\d+/g)].map(([, ip]) => ip ?? ''))].sort();
};

const events = async (host: Host): Promise<string[]> =>
  (await host.sure([...SERVER, 'history', 'acme', '--json']))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).type);

describe('a standby whose server stands', () => {
  beforeAll(async () => {
    await network.admin('name-standby', 'acme', '--name', 'spare');
    await network.server.sure([...SERVER, 'kit', 'acme', '--save', kit], { env });
    await until('ann and bob meet', () => reaches(ann.host, bob.ip), 60);
    await until('all were observed, and that is written down', async () => (await remembered()) >= 3, 90);
    await follow(spare);
  });

  it('is not promoted, with serve or without, and stays a peer', async () => {
    for (const act of [async () => {}, () => network.stopServing('SIGKILL')]) {
      await act();
      const { code, stderr } = await promote('--yes');
      expect([code, stderr]).toEqual([1, expect.stringContaining('still stands')]);
      expect(stderr).toContain('innernet-server down acme');
    }
    expect(await isThere(spare.host, '/etc/innernet-server/acme.conf')).toBe(false);
    expect((await reportOf(spare.host)).isUp).toBe(true);
    await network.serve();
  });

  it('is answered also by a clock that is behind', async () => {
    await until(
      'the server has asked its device',
      async () => (await asked(3_600_000)) === at(network.server),
    );
    await until('and again', async () => (await asked(7_200_000)) === at(network.server));
  });

  it('is asked for the passphrase first, and a wrong one changes nothing', async () => {
    const wrong = { INNERNET_KIT_PASSPHRASE: 'a dozen other words' };
    const { code, stderr } = await spare.host.exec([...SERVER, 'promote', 'acme', '--yes'], { env: wrong });
    expect([code, stderr]).toEqual([1, expect.stringContaining('the passphrase does not open')]);
    expect((await reportOf(spare.host)).isUp).toBe(true);
  });

  it('refuses who is no standby', async () => {
    await follow(ann);
    const { code, stderr } = await ann.host.exec([...SERVER, 'promote', 'acme', '--yes'], { env });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/no standby/)]);
    await ann.host.sure(['rm', '-r', DATA]);
  });
});

describe('the server’s machine is cut off', () => {
  let pings: Running;

  /** Its address leads to the standby's machine now. */
  beforeAll(async () => {
    pings = ann.host.spawn(['ping', '-n', '-i', '0.05', bob.ip]);
    await pings.line(/bytes from/);
    await network.lab.cable(network.server, 'out');
    await spare.host.sure(['ip', 'addr', 'flush', 'dev', 'eth0']);
    await spare.host.sure(['ip', 'addr', 'add', `${network.server.address}/24`, 'dev', 'eth0']);
  });

  it('R84: a promotion that is only said changes nothing', async () => {
    const { code, stdout } = await promote('--dry-run');
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('record that spare serves from now on (epoch 1)'),
    ]);
    expect((await reportOf(spare.host)).isUp).toBe(true);
  });

  it('R84: a promotion that is killed at any rename is done again, and is recorded once', async () => {
    const command = [...SERVER, 'promote', 'acme', '--yes'];
    for (const k of [1, 2, 2, 3]) {
      const inject = `inject=rename:signal=KILL:when=${k}`;
      const strace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', inject, ...command];
      await spare.host.exec(strace, { env, timeout: 60_000 });
      expect(await isThere(spare.host, '/etc/innernet-server/acme.conf')).toBe(false);
      const up = await spare.host.exec([...CLIENT, 'up', 'acme']);
      if (k > 1)
        expect([up.code, up.stderr]).toEqual([1, expect.stringContaining('this machine serves acme itself')]);
    }
  });

  it('R84: clients are back at once, and tunnels between them lose nothing', async () => {
    const { code, stderr, stdout } = await promote('--yes');
    expect([code, stderr]).toEqual([0, expect.stringContaining('innernet-server serve acme')]);
    expect(stdout).toContain('(epoch 1)');
    const start = performance.now();
    serving = spare.host.spawn([...SERVER, 'serve', 'acme']);
    await serving.line(/listening/);
    const listening = performance.now();
    const everybody = [ann.ip, bob.ip].sort();
    await until('all are back', async () => `${await connected(spare.host)}` === `${everybody}`, 12);
    const now = performance.now();
    console.log(
      `back ${Math.round(now - listening)} ms after "listening", ${Math.round(now - start)} ms after serve began`,
    );
    await spare.host.sure([
      ...SERVER,
      'add-cidr',
      'acme',
      '--name',
      'new',
      '--cidr',
      '10.42.3.0/24',
      '--parent',
      'acme',
      '--yes',
    ]);
    await until('what is said there counts', async () => {
      const { position } = await reportOf(bob.host);
      return position === (await events(spare.host)).length;
    });
    await pings.stop('SIGINT');
    const answered = answeredIn(pings.lines.join('\n'));
    console.log(`pings: ${answered.length} answered of ${Math.max(...answered)}`);
    expect(missedInARow(answered)).toBeLessThan(BROKEN);
    expect((await events(spare.host)).filter((type) => type === 'ServerPromoted')).toHaveLength(1);
    expect((await reportOf(ann.host)).alarm).toBeNull();
    expect(await onDevice(ann.host)).toContain('10.42.0.1');
  });

  it('R84: promoted twice, or with its client, it is refused', async () => {
    const again = await promote('--yes');
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is the server of acme already')]);
    const up = await spare.host.exec([...CLIENT, 'up', 'acme']);
    expect([up.code, up.stderr]).toEqual([1, expect.stringContaining('--rejoin')]);
    expect(await spare.host.sure([...CLIENT, 'show', 'acme'])).toContain(
      'its standby on this machine was promoted',
    );
    const standbys = JSON.parse(await spare.host.sure([...SERVER, 'standbys', 'acme', '--json']));
    expect(standbys.promotion).toMatchObject({ epoch: 1 });
  });
});

describe('the old machine comes back, at another address', () => {
  beforeAll(async () => {
    await network.stopServing('SIGTERM');
    await network.server.sure(['ip', 'addr', 'flush', 'dev', 'eth0']);
    await network.server.sure(['ip', 'addr', 'add', '203.0.113.200/24', 'dev', 'eth0']);
    await network.lab.cable(network.server, 'in');
  });

  it('R85: it asks, and does not serve, with its tunnel up or without', async () => {
    for (const act of [async () => {}, () => network.server.sure([...SERVER, 'down', 'acme', '--yes'])]) {
      await act();
      const { code, stderr } = await network.server.exec([...SERVER, 'serve', 'acme']);
      expect([code, stderr]).toEqual([1, expect.stringContaining('another machine serves acme')]);
      expect(stderr).toContain('innernet-server standby acme --rejoin');
    }
    expect(await connected(spare.host)).toEqual([ann.ip, bob.ip].sort());
  });

  it('R85: it gives up what it served: its log goes aside by name, and comes back if it must', async () => {
    const { stdout } = await network.server.exec([...SERVER, 'standby', 'acme', '--rejoin', '--dry-run']);
    expect(stdout).toContain(`rename ${DATA}/acme.events to ${DATA}/acme.events.aside-`);
    const before = await events(network.server);
    await network.server.sure([...SERVER, 'standby', 'acme', '--rejoin', '--yes']);
    const { code, stderr } = await network.server.exec([...SERVER, 'serve', 'acme']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no network here by that name')]);
    const names = (await network.server.sure(['ls', DATA])).split('\n');
    const aside = names.find((name) => /^acme\.events\.aside-\d{8}T\d{6}Z$/.test(name)) ?? '';
    await network.server.sure(['mkdir', '-p', join(scratch, 'old')]);
    await network.server.sure(['cp', `${DATA}/${aside}`, join(scratch, 'old', 'acme.events')]);
    const kept = await network.server.sure([
      ...SERVER,
      '-d',
      join(scratch, 'old'),
      'history',
      'acme',
      '--json',
    ]);
    expect(kept.trim().split('\n').length).toBe(before.length);
    const again = await network.server.exec([...SERVER, 'standby', 'acme', '--rejoin', '--yes']);
    expect([again.code, again.stderr]).toEqual([
      1,
      expect.stringContaining('nothing is here that was served'),
    ]);
  });

  it('R85: the standby’s machine gives it up, too, and is a peer again', async () => {
    serving.kill('SIGTERM');
    await serving.ended;
    await spare.host.sure([...SERVER, 'standby', 'acme', '--rejoin', '--yes']);
    const up = await spare.host.exec([...CLIENT, 'up', 'acme']);
    expect(up.stderr).not.toContain('this machine serves acme itself'); // nobody serves now: it waits for an answer
    expect(await spare.host.sure(['wg', 'show', 'acme', 'allowed-ips'])).toContain('10.42.0.1/32');
  });
});
