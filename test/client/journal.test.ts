// What a client keeps on its disk: formats, damage, and being killed at any moment.
import { spawn } from 'node:child_process';
import { renameSync, truncateSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import { Journal, parseJournal, readState, type StatePaths } from '../../src/client/memory/journal.ts';
import type { Verdict } from '../../src/client/memory/mirror.ts';
import { formatState } from '../../src/client/memory/state-file.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { cidr, ground, History, key, own, row, server } from './sight.ts';

const history = new History(40);
const bob = row(5, '10.42.1.5', 50, { name: 'bob' });
const eve = row(6, '10.42.1.6', 60, { name: 'eve', endpoint: '0.0.0.0:4000' as SocketAddress });

let folder: string;
let paths: StatePaths;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'innernet-state-'));
  paths = { state: join(folder, 'acme.json'), journal: join(folder, 'acme.journal') };
});

afterEach(() => rm(folder, { recursive: true }));

const take = async (journal: Journal, verdict: Verdict) => {
  if (verdict.kind !== 'take' && verdict.kind !== 'alarm') throw new Error(verdict.kind);
  await journal.append(verdict.effect);
  journal.kept.mirror.take(verdict.effect);
};

/** A journal with a snapshot, a departure, and a peer that is held back. */
const lived = async () => {
  const journal = await Journal.open(paths, ground);
  const { mirror } = journal.kept;
  await take(
    journal,
    mirror.judgeSnapshot(history.snapshot(3, 3, [server, own, bob, eve], [cidr(3, '10.42.1.0/24')])),
  );
  await take(
    journal,
    mirror.judgeDelta(history.delta(3, 4, { removed: [5], changed: [row(6, eve.ip, 99)] })),
  );
  return journal;
};

const pins = async () =>
  Array.from((await readState(paths, ground)).mirror.pins.all(), ({ ip, publicKey }) => [ip, publicKey]);

describe('what is kept comes back', () => {
  it('to a reader between whose two files a fold comes', async () => {
    const { kept } = await lived();
    const folded = formatState(kept);
    let folds = 0;
    const reading = {
      state: paths.state,
      get journal() {
        if (folds++ > 0) return paths.journal;
        writeFileSync(`${paths.state}.new`, folded);
        renameSync(`${paths.state}.new`, paths.state);
        truncateSync(paths.journal);
        return paths.journal;
      },
    };
    expect((await readState(reading, ground)).mirror.head).toEqual(history.head(4));
  });

  it('from the journal alone, and from the folded file', async () => {
    const journal = await lived();
    for (const _ of ['journal', 'folded', 'closed']) {
      const { mirror } = await readState(paths, ground);
      expect(mirror.head).toEqual(history.head(4));
      expect([...mirror.tunnels()]).toEqual([eve]);
      expect([...mirror.held()].map(({ rule }) => rule)).toEqual(['KeyChanged']);
      expect([...mirror.cidrs()]).toEqual([cidr(3, '10.42.1.0/24')]);
      expect(new Map(Array.from(mirror.pins.all(), ({ ip, publicKey }) => [ip, publicKey]))).toEqual(
        new Map([
          [bob.ip, bob.publicKey],
          [eve.ip, eve.publicKey],
        ]),
      );
      await journal.fold();
    }
    expect(await readFile(paths.journal, 'utf8')).toBe('');
    await journal.close();
  });

  it('when it died between the two steps of a fold', async () => {
    const journal = await lived();
    await writeFile(paths.state, formatState(journal.kept));
    const twice = await readState(paths, ground);
    expect(formatState(twice)).toBe(formatState(journal.kept));
    await journal.close();
  });

  it('an alarm too', async () => {
    const journal = await lived();
    await take(journal, journal.kept.mirror.judgeWelcome(history.welcome(2)));
    expect((await readState(paths, ground)).mirror.alarm?.breach).toBe('ServerBehind');
    await journal.fold();
    expect((await readState(paths, ground)).mirror.alarm?.breach).toBe('ServerBehind');
    await journal.close();
  });

  it('files are 0600 from the first byte, and an existing mode stays', async () => {
    const journal = await lived();
    await journal.fold();
    expect((await stat(paths.state)).mode & 0o777).toBe(0o600);
    expect((await stat(paths.journal)).mode & 0o777).toBe(0o600);
    await chmod(paths.state, 0o660);
    await journal.fold();
    expect((await stat(paths.state)).mode & 0o777).toBe(0o660);
    await journal.close();
  });
});

describe('the format of innernet 2.0', () => {
  it('is what we write: a peer out of sight is a disabled one', async () => {
    const journal = await lived();
    journal.kept.endpoints.set(eve.ip, '198.51.100.7:51820' as SocketAddress);
    const { version, peers, cidrs } = JSON.parse(formatState(journal.kept));
    expect(version).toBe('1');
    expect(cidrs).toEqual([{ id: 3, name: 'cidr-3', cidr: '10.42.1.0/24', parent: 1 }]);
    expect(
      peers.map(({ name, is_disabled }: { name: string; is_disabled: boolean }) => [name, is_disabled]),
    ).toEqual([
      ['innernet-server', false],
      ['ann', false],
      ['eve', false],
      ['bob', true],
    ]);
    expect(peers[2]).toMatchObject({
      id: 6,
      ip: eve.ip,
      cidr_id: 3,
      public_key: eve.publicKey,
      endpoint: '198.51.100.7:51820',
      is_admin: false,
      is_redeemed: true,
      candidates: [],
    });
    await journal.close();
  });

  it('is what we read: without a position the next snapshot is trusted, but for the pins', async () => {
    const peer = (id: number, name: string, ip: string, n: number, is_disabled: boolean) => ({
      id,
      name,
      ip,
      cidr_id: 3,
      public_key: key(n),
      endpoint: '198.51.100.7:51820',
      persistent_keepalive_interval: 25,
      is_admin: false,
      is_disabled,
      is_redeemed: true,
      invite_expires: { secs_since_epoch: 1790000000, nanos_since_epoch: 0 },
      candidates: ['192.168.1.9:51820'],
    });
    const peers = [peer(5, 'bob', bob.ip, 50, true), peer(6, 'eve', eve.ip, 60, false)];
    await writeFile(paths.state, JSON.stringify({ version: '1', peers, cidrs: [] }));
    const { mirror, endpoints } = await readState(paths, ground);
    expect(mirror.head).toBeUndefined();
    expect([...mirror.tunnels()].map(({ name }) => name)).toEqual(['eve']);
    expect(endpoints.get(eve.ip)).toBe('198.51.100.7:51820');
    expect(mirror.pins.contradicted(row(9, bob.ip, 99))).toBe('KeyChanged');
  });
});

describe('damage is never "no pins"', () => {
  it.each([
    ['an empty file', ''],
    ['half a file', '{"version":"1","peers":[{"id":5,"na'],
    ['another version', '{"version":"2","peers":[],"cidrs":[]}'],
    [
      'a key that is none',
      '{"version":"1","peers":[{"id":5,"name":"x","ip":"10.42.1.5","cidr_id":3,"public_key":"zz","is_admin":false,"is_disabled":false,"is_redeemed":true}],"cidrs":[]}',
    ],
  ])('%s', async (_, text) => {
    await writeFile(paths.state, text);
    await expect(readState(paths, ground)).rejects.toMatchObject({
      message: expect.stringContaining(`${paths.state}, which holds the pinned keys, cannot be read`),
      hint: expect.stringContaining(`mv ${paths.state}`),
    });
  });

  it('a damaged line in the middle of the journal', async () => {
    const journal = await lived();
    const [first, second] = (await readFile(paths.journal, 'utf8')).split('\n');
    await writeFile(paths.journal, `${first?.slice(0, 40)}\n${second}\n`);
    await expect(readState(paths, ground)).rejects.toThrow('line 1 is damaged');
    await journal.close();
  });

  it('a torn last line was never acknowledged, and is cut off before the next one', async () => {
    const journal = await lived();
    await journal.close();
    const text = await readFile(paths.journal, 'utf8');
    for (let cut = text.indexOf('\n') + 1; cut < text.length; cut += 97) {
      await writeFile(paths.journal, text.slice(0, cut));
      const again = await Journal.open(paths, ground);
      expect(again.kept.mirror.head).toEqual(history.head(3));
      await take(again, again.kept.mirror.judgeDelta(history.delta(3, 4, { removed: [6] })));
      await again.close();
      expect(parseJournal(await readFile(paths.journal, 'utf8'), '').effects.length).toBe(2);
    }
  });
});

it('R25: killed at any moment, all that was acknowledged is there and nothing is left behind', async () => {
  const source = fileURLToPath(new URL('journal-writer.ts', import.meta.url));
  const program = await bundleForRun(source, `test-journal-writer-${process.pid}`);
  try {
    for (let round = 0; round < 4; round += 1) {
      const child = spawn(process.execPath, [program, paths.state, paths.journal], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      const dead = new Promise((resolve) => child.once('close', resolve));
      child.stdout.on('data', (chunk) => {
        said += chunk;
        if (said.length > 60 + round * 90) child.kill('SIGKILL');
      });
      await dead;
      const acknowledged = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
      const { mirror } = await readState(paths, ground);
      expect(mirror.head?.position).toBeGreaterThanOrEqual(acknowledged);
      expect(mirror.head).toEqual(new History(3000).head(mirror.head?.position));
      expect(mirror.pins.size).toBe((mirror.head?.position ?? 0) - 1);
    }
    const journal = await Journal.open(paths, ground);
    await journal.fold();
    await journal.close();
    expect((await readdir(folder)).sort()).toEqual(['acme.journal', 'acme.json']);
    expect((await pins()).length).toBeGreaterThan(20);
  } finally {
    await rm(program);
  }
}, 60_000);
