// The verb notify with a real program: at least once and in order, also after failures, kills and on another log.
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { append, commitOf } from '../store/temp-log.ts';
import { type Ended, ServerProgram } from './program.ts';

/** For a busy machine. */
const PATIENCE = { timeout: 60_000 };
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

let server: ServerProgram;
let folder: string;
let children: { child: ChildProcessWithoutNullStreams; ended: Promise<unknown> }[];

const done = async (...words: string[]): Promise<Ended> => {
  const result = await server.run(...words);
  expect(result.code, result.stderr).toBe(0);
  return result;
};

const newNetwork = (name: string, cidr: string) =>
  done(
    ...['new', '--no-relay', '--network-name', name, '--network-cidr', cidr],
    ...['--external-endpoint', 'vpn.example.org:51820', '--yes'],
  );

beforeEach(async () => {
  server = new ServerProgram();
  folder = join(server.folder, 'work');
  children = [];
  mkdirSync(folder);
  await newNetwork('acme', '10.42.0.0/16');
});
afterEach(async () => {
  for (const { child } of children) child.kill('SIGKILL');
  await Promise.all(children.map(({ ended }) => ended));
  server.remove();
});

/** A shell script that appends what it reads to `told`, after `first`. */
const program = (first = ''): string => {
  const path = join(folder, 'tell');
  writeFileSync(path, `#!/bin/sh\ncd ${folder} || exit 9\n${first}\ncat >>told\n`, { mode: 0o755 });
  return path;
};

type Event = { position: number; type: string; network: string; sentence: string; data: { name?: string } };

const linesOf = (name: string): string[] => {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
};

const told = (): Event[] => linesOf('told').map((line) => JSON.parse(line) as Event);
const namesTold = (): (string | undefined)[] => told().map(({ data }) => data.name);

const cursorFile = (): string => join(server.dataDir, 'acme.notified');
const cursor = (): { position: number } | undefined =>
  existsSync(cursorFile())
    ? (JSON.parse(readFileSync(cursorFile(), 'utf8')) as { position: number })
    : undefined;

const start = (...words: string[]) => {
  const child = server.start('notify', 'acme', ...words);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (data) => {
      said[stream] += data;
    });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  children.push({ child, ended });
  return { child, said, ended };
};

/** As another process would, but without its start. */
const happens = async (event: { type: NetworkEvent['type']; [field: string]: unknown }): Promise<void> => {
  const file = join(server.dataDir, 'acme.events');
  const log = await openSqliteLog({ file, readModels: READ_MODELS, mode: 'open' });
  await append(log, commitOf([event as NetworkEvent])).finally(() => log.close());
};

const addCidr = (name: string, block: number) =>
  happens({ type: 'CidrAdded', cidrId: 10 + block, name, cidr: `10.42.${block}.0/24`, parentId: 1 });

it('runs a program for two types from now on, and goes on after a stop where it was', async () => {
  const tell = program('echo "$#" >>words');
  const words = ['--exec', tell, '--type', 'CidrAdded', '--type', 'CidrRenamed', '--json'];
  const first = start(...words);
  await expect.poll(cursor, PATIENCE).toBeDefined();
  await addCidr('humans', 1);
  await happens({ type: 'CidrRenamed', cidrId: 11, name: 'people' });
  await happens({ type: 'CidrDeleted', cidrId: 11 });
  await expect.poll(() => told().length, PATIENCE).toBe(2);
  expect(told()).toMatchObject([
    { network: 'acme', type: 'CidrAdded', sentence: expect.stringMatching(/added CIDR humans/) },
    { type: 'CidrRenamed', sentence: expect.stringMatching(/renamed CIDR humans to people/) },
  ]);
  const last = told()[1]!.position;
  await expect.poll(() => first.said.stdout.trimEnd().split('\n').length, PATIENCE).toBe(2);
  first.child.kill('SIGTERM');
  expect([await first.ended, first.said.stderr]).toEqual([0, '']);
  expect(cursor()?.position).toBe(last);

  await addCidr('robots', 2);
  const second = start(...words, '--since', '0');
  await expect.poll(() => told().length, PATIENCE).toBe(3);
  await expect.poll(() => second.said.stdout, PATIENCE).toContain('robots');
  second.child.kill('SIGINT');
  expect(await second.ended).toBe(0);
  expect(second.said.stderr).toContain(`goes on after position ${last}`);
  expect(namesTold()).toEqual(['humans', 'people', 'robots']);
  expect(linesOf('words')).toEqual(['0', '0', '0']);
});

it('tries a failing program again until it ends with 0, and says so once', async () => {
  const tell = program('echo x >>tries\n[ -e gate ] || exit 3');
  const { child, said, ended } = start('--exec', tell, '--type', 'CidrAdded,CidrRenamed');
  await expect.poll(cursor, PATIENCE).toBeDefined();
  const before = cursor();
  await addCidr('humans', 1);
  await addCidr('robots', 2);
  await expect.poll(() => linesOf('tries').length, PATIENCE).toBeGreaterThanOrEqual(2);
  expect([told(), cursor()]).toEqual([[], before]);
  writeFileSync(join(folder, 'gate'), '');
  await expect.poll(() => told().length, PATIENCE).toBe(2);
  await expect.poll(() => said.stdout, PATIENCE).toMatch(/humans[\s\S]*robots/);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(namesTold()).toEqual(['humans', 'robots']);
  expect(said.stderr.match(/warning: .*tell ended with code 3 for position \d+ \(CidrAdded\)/g)).toHaveLength(
    1,
  );
  expect(said.stderr).toMatch(/has taken position \d+ after \d+ failures\n$/);
});

it('hands an event over again when it was killed in the middle', async () => {
  const tell = program(
    'echo $$ >pid\ncat >>begun\nuntil [ -e gate ]; do [ -d ../work ] || exit; sleep 0.05; done\ntail -n 1 begun >>told',
  );
  const words = ['--exec', tell, '--type', 'CidrAdded'];
  const first = start(...words);
  await expect.poll(cursor, PATIENCE).toBeDefined();
  const before = cursor();
  await addCidr('humans', 1);
  await addCidr('robots', 2);
  await expect.poll(() => linesOf('begun').length, PATIENCE).toBe(1);
  first.child.kill('SIGKILL');
  process.kill(Number(linesOf('pid')[0]), 'SIGKILL'); // the script of this test, which has lost its parent
  await first.ended;
  expect([told(), cursor()]).toEqual([[], before]);
  writeFileSync(join(folder, 'gate'), '');
  const second = start(...words);
  await expect.poll(() => second.said.stdout, PATIENCE).toContain('robots');
  second.child.kill('SIGTERM');
  expect(await second.ended).toBe(0);
  const begun = linesOf('begun').map((line) => (JSON.parse(line) as Event).data.name);
  expect(begun).toEqual(['humans', 'humans', 'robots']);
  expect(namesTold()).toEqual(['humans', 'robots']);
});

it('asks a running program to end at a stop, and does not count that', async () => {
  const tell = program(
    // The shell may say of its own child that it was terminated.
    "exec 2>/dev/null\necho x >>begun\ntrap 'exit 1' TERM\nuntil [ -e gate ]; do [ -d ../work ] || exit; sleep 0.05; done",
  );
  const { child, said, ended } = start('--exec', tell);
  await expect.poll(cursor, PATIENCE).toBeDefined();
  const before = cursor();
  await addCidr('humans', 1);
  await expect.poll(() => linesOf('begun').length, PATIENCE).toBe(1);
  child.kill('SIGTERM');
  expect([await ended, said.stderr, cursor()]).toEqual([0, '', before]);
});

it("refuses a cursor of another network's log, of a lost end, and a file that is none", async () => {
  const tell = program();
  const running = start('--exec', tell);
  await expect.poll(cursor, PATIENCE).toBeDefined();
  const twice = await server.run('notify', 'acme', '--exec', tell);
  expect([twice.code, twice.stderr]).toEqual([
    1,
    expect.stringMatching(/is running already[\s\S]*--cursor\n$/),
  ]);
  running.child.kill('SIGTERM');
  expect(await running.ended).toBe(0);

  await newNetwork('other', '10.43.0.0/16');
  const other = await server.run('notify', 'other', '--exec', tell, '--cursor', cursorFile());
  expect([other.code, other.stderr]).toEqual([
    1,
    expect.stringContaining('is of the log of another network'),
  ]);
  const kept = readFileSync(cursorFile(), 'utf8');
  const refusal = async (text: string): Promise<string> => {
    writeFileSync(cursorFile(), text);
    const { code, stderr } = await server.run('notify', 'acme', '--exec', tell);
    expect([code, readFileSync(cursorFile(), 'utf8')]).toEqual([1, text]);
    return stderr;
  };
  const position = cursor()!.position;
  expect(await refusal(kept.replace(`:${position},`, ':900,'))).toContain('an older copy was put back');
  expect(await refusal(kept.replace(`:${position},`, `:${position - 1},`))).toContain(
    'is of another history',
  );
  expect(await refusal('hello\n')).toContain('is no cursor of notify');
  const plan = await done('uninstall', 'acme', '--delete-log', '--no-write-hosts', '--dry-run');
  expect(plan.stdout).toContain(`delete ${cursorFile()}\n`);
  expect(told()).toEqual([]);
});

it('says with --dry-run what it would run, and writes nothing', async () => {
  const tell = program();
  await addCidr('humans', 1);
  const files = readdirSync(server.dataDir).sort();
  const words = ['notify', 'acme', '--exec', tell, '--since', '5', '--type', 'cidradded', '--dry-run'];
  const { stdout } = await done(...words);
  expect(stdout).toMatch(
    /^nothing was changed; this would be done\n {2}run \S+tell for position 6: ann on the server added CIDR humans/,
  );
  const json = JSON.parse((await done(...words, '--json')).stdout) as { dryRun: boolean; changes: string[] };
  expect(json).toMatchObject({
    dryRun: true,
    changes: [expect.stringContaining('humans'), expect.any(String)],
  });
  const typo = await server.run('notify', 'acme', '--exec', tell, '--type', 'PeerAded');
  expect([typo.code, typo.stderr]).toEqual([1, expect.stringMatching(/no type of event "PeerAded"/)]);
  const nameless = await server.run('notify', 'acme');
  expect([nameless.code, nameless.stderr]).toEqual([2, expect.stringMatching(/--exec is missing/)]);
  expect([told(), cursor()]).toEqual([[], undefined]);
  expect(
    readdirSync(server.dataDir).filter((name) => !files.includes(name) && !name.startsWith('acme.notified.')),
  ).toEqual([]);
});
