// Backups, and the log that goes on from one: taken beside writers, put back by verb or by hand, killed on the way.
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ProcessLock } from '../../src/store/process-lock.ts';
import { flipBit } from '../store/damage.ts';
import { ServerProgram } from './program.ts';

vi.setConfig({ testTimeout: 60_000 }); // several programs each, on a machine that may be busy

let server: ServerProgram;
let file: string;

const create = (program: ServerProgram) =>
  program.run(
    ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes'],
    ...['--external-endpoint', 'vpn.example.org:51820'],
  );

const addCidr = (name: string, third: number) =>
  server.run('add-cidr', 'acme', '--name', name, '--cidr', `10.42.${third}.0/24`, '--yes');

const events = async (): Promise<{ position: number; type: string; body?: unknown }[]> => {
  const { stdout, stderr, code } = await server.run('history', 'acme', '--json');
  if (code !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
};
const types = async () => (await events()).map(({ type }) => type);
const inLib = (name: string) => join(server.dataDir, name);

/** Made once, since each verb is a process: a network at position 7, and a backup of it at position 6. */
let made: ServerProgram;

beforeAll(async () => {
  made = new ServerProgram();
  server = made;
  await create(made);
  await addCidr('humans', 1);
  await server.run('backup', 'acme', join(made.folder, 'acme.backup'));
  await addCidr('robots', 2);
}, 60_000);
afterAll(() => made.remove());

beforeEach(() => {
  server = new ServerProgram();
  cpSync(made.folder, server.folder, { recursive: true });
  file = join(server.folder, 'acme.backup');
  const { folder } = server;
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

describe('innernet-server backup', () => {
  it('makes a copy for the owner alone, with nothing beside it, and says how far it goes', async () => {
    const other = join(server.folder, 'other.backup');
    const { code, stdout } = await server.run('backup', 'acme', other, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ file: other, network: 'acme', position: 7 });
    expect(statSync(other).mode & 0o777).toBe(0o600);
    expect(readdirSync(server.folder).filter((name) => name.startsWith('other'))).toEqual(['other.backup']);
  });

  it('names files in a folder by the time, and keeps as many as are wanted', async () => {
    const folder = join(server.folder, 'backups');
    for (let night = 0; night < 3; night += 1) {
      const { stdout } = await server.run('backup', 'acme', `${folder}/`, '--json');
      const { file: made } = JSON.parse(stdout);
      expect(made).toMatch(/\/backups\/acme-\d{4}-\d\d-\d\dT\d{6}Z\.events$/);
      renameSync(made, join(folder, `acme-2020-01-0${night + 1}T000000Z.events`)); // of another night
    }
    const others = [
      'acme-notes.events',
      'acme-2020-01-01T000000Z.events.old',
      'acme-b-2020-01-01T000000Z.events',
    ];
    for (const other of others) writeFileSync(join(folder, other), '');
    const { stdout, stderr } = await server.run('backup', 'acme', folder, '--keep', '2');
    expect(stdout).toMatch(/^wrote \S+\/acme-\S+Z\.events: acme up to position 7, checked\n$/);
    expect(stderr).toContain('deleted ');
    const left = readdirSync(folder).filter((name) => !others.includes(name));
    expect(left.sort()).toEqual([
      'acme-2020-01-03T000000Z.events',
      expect.stringMatching(/^acme-2\S+Z\.events$/),
    ]);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(others));
  });

  it('--keep is refused where a file was named, and nothing is written', async () => {
    const other = join(server.folder, 'other.backup');
    const { code, stderr } = await server.run('backup', 'acme', other, '--keep', '2');
    expect([code, stderr]).toEqual([1, expect.stringContaining('--keep is for a folder of backups')]);
    expect(existsSync(other)).toBe(false);
  });

  it('never overwrites', async () => {
    const before = readFileSync(file);
    expect(await server.run('backup', 'acme', file)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('exists already'),
    });
    expect(readFileSync(file)).toEqual(before);
  });

  it('is none of a log that lost its end', async () => {
    copyFileSync(file, inLib('acme.events'));
    const { code, stderr } = await server.run('backup', 'acme', join(server.folder, 'short'));
    expect([code, stderr]).toEqual([1, expect.stringContaining('the log ends before its witness')]);
    expect(existsSync(join(server.folder, 'short'))).toBe(false);
  });
});

describe('innernet-server restore', () => {
  it('goes on from the copy, records what was given up, and keeps the log that was there', async () => {
    const { code, stdout } = await server.run('restore', 'acme', file, '--yes', '--json');
    expect(code).toBe(0);
    const { aside, ...rest } = JSON.parse(stdout);
    expect(rest).toMatchObject({ position: 6, lost: { position: 7 } });
    expect(existsSync(aside)).toBe(true);
    expect((await types()).slice(5)).toEqual(['CidrAdded', 'LogRestored']);
    expect((await addCidr('robots', 2)).code).toBe(0);
    expect((await types()).slice(5)).toEqual(['CidrAdded', 'LogRestored', 'CidrAdded']);
  });

  it('says to which position it went back, and names each change that is lost', async () => {
    await addCidr('ovens', 3);
    const { code, stdout, stderr } = await server.run('restore', 'acme', file, '--yes');
    expect([code, stdout]).toEqual([
      0,
      'acme goes on from position 6; lost: the 2 changes after it (7 to 8)\n',
    ]);
    expect(stderr).toMatch(/^ +7 .* added CIDR .*\n +8 .* added CIDR .*ovens.*\n/);
    expect(stderr).toContain('the log that was there is kept as ');
  });

  it('names what is lost about proofs by key, with what says it anew', async () => {
    const json = async (...args: string[]) => JSON.parse((await server.run(...args)).stdout);
    await server.run('waive-proof', 'acme', '--yes');
    const key = { sentence: 'proofs by key are required again', verb: 'waive-proof' };
    expect(await json('restore', 'acme', file, '--dry-run', '--json')).toMatchObject({ lostProofs: [key] });
    const { stderr } = await server.run('restore', 'acme', file, '--yes');
    expect(stderr).toContain('proofs by key are required again: innernet-server waive-proof acme\n');
  });

  it('loses nothing where the copy has all that was ever seen', async () => {
    const whole = join(server.folder, 'whole');
    await server.run('backup', 'acme', whole);
    flipBit(inLib('acme.events'), 9000);
    const { stdout } = await server.run('restore', 'acme', whole, '--yes');
    expect(stdout).toContain('nothing is lost');
    expect(await types()).not.toContain('LogRestored');
  });

  it('--dry-run says what would be given up and who would lose whom, and writes nothing', async () => {
    const before = readdirSync(server.dataDir).map((name) => [name, readFileSync(inLib(name))]);
    const { code, stdout, stderr } = await server.run('restore', 'acme', file, '--dry-run');
    expect([code, stdout]).toEqual([0, expect.stringContaining('  put a backup back; what came after it')]);
    expect(stderr).toMatch(
      /lost: the change after it \(7\)\n +7 {2}\S+ \S+ {2}ann on the server added CIDR /,
    );
    const told = JSON.parse((await server.run('restore', 'acme', file, '--dry-run', '--json')).stdout);
    expect(told).toMatchObject({
      ...{ network: 'acme', position: 6, dryRun: true, lost: { position: 7 } },
      ...{ events: [{ type: 'LogRestored', lostPosition: 7 }], reach: { gained: [], lost: [] } },
    });
    const names = readdirSync(server.dataDir).filter((name) => !name.endsWith('-shm'));
    expect(names.map((name) => [name, readFileSync(inLib(name))])).toEqual(
      before.filter(([name]) => !String(name).endsWith('-shm')),
    );
  });

  it('--dry-run tells a copy of another network', async () => {
    const other = new ServerProgram();
    onTestFinished(() => other.remove());
    await create(other);
    await other.run('backup', 'acme', join(other.folder, 'theirs'));
    const { code, stderr } = await server.run('restore', 'acme', join(other.folder, 'theirs'), '--dry-run');
    expect([code, stderr]).toEqual([1, expect.stringContaining('is of another network')]);
    expect(readdirSync(server.dataDir).filter((name) => /rehearsal/.test(name))).toEqual([]);
  });

  it('asks before, or wants --yes', async () => {
    const { code, stderr } = await server.run('restore', 'acme', file);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--yes')]);
    expect((await types()).length).toBe(7);
  });

  it.each<[string, () => Promise<string>, string]>([
    ['no file', async () => join(server.folder, 'nothing'), 'there is no file'],
    [
      'no log',
      async () => {
        writeFileSync(join(server.folder, 'text'), 'hello'.repeat(1000));
        return join(server.folder, 'text');
      },
      'is not a log of this program',
    ],
    [
      'a damaged copy',
      async () => {
        flipBit(file, readFileSync(file).indexOf('humans'));
        return file;
      },
      '',
    ],
    [
      'a copy of another network',
      async () => {
        const other = new ServerProgram();
        onTestFinished(() => other.remove());
        await create(other);
        await other.run('backup', 'acme', join(other.folder, 'theirs'));
        return join(other.folder, 'theirs');
      },
      'is of another network',
    ],
  ])('refuses %s and changes nothing', async (_, copy, words) => {
    const { code, stderr } = await server.run('restore', 'acme', await copy(), '--yes');
    expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
    expect((await types()).length).toBe(7);
    expect(readdirSync(server.dataDir).filter((name) => /restore|lost/.test(name))).toEqual([]);
  });

  it('refuses while the network is being served', async () => {
    const lock = ProcessLock.take(inLib('acme'), 'a server');
    const { code, stderr } = await server.run('restore', 'acme', file, '--yes');
    lock.release();
    expect([code, stderr]).toEqual([1, expect.stringContaining(String(process.pid))]);
  });

  const CALLS: [string, number[]][] = process.env.TORTURE_LONG
    ? [
        ['rename', [1, 2, 3]],
        ['fsync', [1, 3, 5]],
        ['unlink', [2]],
      ]
    : [
        ['rename', [1, 3]],
        ['fsync', [3]],
        ['unlink', [2]],
      ];
  it.each(CALLS.flatMap(([call, moments]) => moments.map((k) => [call, k] as const)))(
    'killed at %s number %i: never silently shorter, and whole when it is done again',
    async (call, k) => {
      const inject = `inject=${call}:signal=KILL:when=${k}`;
      const command = server.command('restore', 'acme', file, '--yes');
      const args = ['-f', '-qq', '-o', '/dev/null', '-e', inject, process.execPath, ...command];
      await promisify(execFile)('strace', args).catch(() => {});
      const after = await server.run('list-cidrs', 'acme', '--json');
      if (after.code === 0) {
        const kept = await types();
        expect(kept.length === 7 || kept.includes('LogRestored')).toBe(true);
      }
      if (after.code !== 0 || !(await types()).includes('LogRestored'))
        expect(await server.run('restore', 'acme', file, '--yes')).toMatchObject({ code: 0 });
      expect((await types()).slice(0, 7)).toEqual([
        ...[
          'NetworkCreated',
          'ProofRequired',
          'CidrAdded',
          'CidrAdded',
          'PeerAdded',
          'CidrAdded',
          'LogRestored',
        ],
      ]);
    },
  );
});

describe('innernet-server restored', () => {
  const putBack = () => {
    for (const end of ['-wal', '-shm']) expect(existsSync(inLib(`acme.events${end}`))).toBe(false);
    copyFileSync(file, inLib('acme.events'));
  };

  it('a copy put back by hand is refused until somebody says that it is meant', async () => {
    putBack();
    const { code, stderr } = await addCidr('robots', 2);
    expect([code, stderr]).toEqual([1, expect.stringContaining('the log ends before its witness')]);
    expect(stderr).toContain('innernet-server restored');
    expect((await server.run('restored', 'acme', '--yes')).stdout).toContain('goes on from position 6');
    expect((await addCidr('robots', 2)).code).toBe(0);
    expect((await types()).slice(5)).toEqual(['CidrAdded', 'LogRestored', 'CidrAdded']);
  });

  it('knows from what clients said, where the witness is as old as the log', async () => {
    putBack();
    copyFileSync(inLib('acme.witness'), join(server.folder, 'witness'));
    const { hash } = JSON.parse(
      (await server.run('backup', 'acme', join(server.folder, 'x'), '--json')).stdout,
    );
    expect(hash).toBeUndefined();
    writeFileSync(inLib('acme.witness'), '');
    const saidBy = ['bob', 'eve'];
    writeFileSync(inLib('acme.claims'), JSON.stringify({ position: 9, hash: 'a'.repeat(64), saidBy }));
    const alone = 'by the word of bob, eve alone';
    expect((await server.run('restored', 'acme', '--dry-run')).stderr).toContain(alone);
    const { code, stdout } = await server.run('restored', 'acme', '--yes');
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(`(7 to 9) (how many there were is known ${alone}`),
    ]);
    expect((await events()).at(-1)).toMatchObject({ type: 'LogRestored' });
    expect(existsSync(inLib('acme.claims'))).toBe(false);
  });

  it('--dry-run says so, and the log is still refused afterwards', async () => {
    putBack();
    const { code, stdout } = await server.run('restored', 'acme', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ events: [{ type: 'LogRestored' }], lost: { position: 7 } });
    expect((await addCidr('robots', 2)).code).toBe(1);
  });

  it('is refused where nothing is missing', async () => {
    const { code, stderr } = await server.run('restored', 'acme', '--yes');
    expect([code, stderr]).toEqual([1, expect.stringContaining('nothing says')]);
  });
});
