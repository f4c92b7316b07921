// R1: killed at the k-th system call of any kind on the log's files: what was acknowledged is there, and all is whole.
import { execFile } from 'node:child_process';
import { appendFileSync, copyFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { bundleForRun } from '../../scripts/build.js';
import type { Head } from '../../src/store/log.ts';
import { ServerProgram } from '../server/program.ts';
import { expectRecovered } from '../store/recovery.ts';
import { tempFolder, tempLog } from '../store/temp-log.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);

/** Calls on the log's files that a writer makes to its end, at least about so many of each. */
type Calls = Readonly<Record<string, number>>;

type Writer = {
  calls: Calls;
  /** Commits that wait for their acknowledgement at the same time. */
  waited: number;
  /** Arguments of `node`; what is acknowledged goes to the journal. */
  command: (file: string, journal: string) => string[];
  /** Of a writer that keeps no journal: what it means that it came to its end. */
  isThrough?: (file: string, journal: string) => Promise<void>;
};

/** Runs a program, killed at a call; whether it was. */
const isKilled = async (fault: string, file: string, command: readonly string[]): Promise<boolean> => {
  const files = [file, `${file}-wal`, `${file}-shm`, file.replace(/events$/, 'witness')];
  const watched = files.flatMap((path) => ['-P', path]);
  const args = ['-f', '-qq', '-o', '/dev/null', ...watched, '-e', `inject=${fault}`];
  return promisify(execFile)('strace', [...args, process.execPath, ...command]).then(
    () => false,
    (error: { signal?: string; stderr?: string }) => {
      if (error.signal === 'SIGKILL') return true;
      throw new Error(`neither killed nor through: ${error.stderr}`);
    },
  );
};

const headOf = async (file: string): Promise<Head> => {
  const log = await tempLog({ file });
  const head = await log.head();
  await log.close();
  return head;
};

const bundle = (path: string, name: string) =>
  bundleForRun(fileURLToPath(new URL(path, import.meta.url)), name);

it('R1: killed at any system call', { timeout: 14_400_000 }, async () => {
  const appender = await bundle('../store/appender.ts', 'run-appender');
  const busyPlane = await bundle('busy-plane.ts', 'run-busy-plane');
  const server = new ServerProgram();
  onTestFinished(() => server.remove());
  await server.run(
    ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes'],
    ...['--external-endpoint', 'vpn.example.org:51820'],
  );
  await server.run('add-cidr', 'acme', '--name', 'bakers', '--cidr', '10.42.1.0/24', '--yes');
  const base = join(server.dataDir, 'acme.events');
  const { position: begun } = await headOf(base);
  const writers: { [name: string]: Writer } = {
    'one after another': {
      calls: { fsync: 44, pwrite64: 560, fcntl: 360, write: 40, pread64: 150, unlink: 2, ftruncate: 2 },
      waited: 1,
      command: (file, journal) => [appender, file, journal, '40'],
    },
    'several in one transaction': {
      calls: { fsync: 14, pwrite64: 250, fcntl: 150, write: 12, pread64: 120, openat: 12, mmap: 2 },
      waited: 8,
      command: (file, journal) => [busyPlane, file, journal],
    },
    'a verb of the program': {
      calls: { fsync: 5, pwrite64: 27, fcntl: 60, openat: 8, pread64: 49, write: 1, unlink: 2, close: 8 },
      waited: 1,
      command: (file) =>
        server.command(
          ...['--data-dir', join(file, '..'), 'add-cidr', 'acme'],
          ...['--name', 'lab', '--cidr', '10.42.77.0/24', '--yes'],
        ),
      isThrough: async (file, journal) => {
        const { position, hash } = await headOf(file);
        appendFileSync(journal, `${position} ${hash}\n`);
      },
    },
  };

  const tried = new Map<string, number>([['kills', 0]]);
  const count = (what: string, more = 1) => tried.set(what, (tried.get(what) ?? 0) + more);
  const wanted = roundsOr(9);
  for (let round = 0; (tried.get('kills') ?? 0) < wanted; round += 1) {
    const [name = '', writer] = Object.entries(writers)[round % 3] ?? [];
    if (!writer) throw new Error('there are three');
    const [call = '', most = 1] = Object.entries(writer.calls)[Math.floor(dice() * 7)] ?? [];
    const k = 1 + Math.floor(dice() * most);
    const folder = tempFolder();
    const [file, journal] = [join(folder, 'acme.events'), join(folder, 'journal')];
    for (const end of ['events', 'witness'])
      copyFileSync(base.replace(/events$/, end), file.replace(/events$/, end));
    const what = `${name}, at ${call} number ${k} (round ${round})`;
    const killed = await isKilled(`${call}:signal=KILL:when=${k}`, file, writer.command(file, journal));
    if (!killed) await writer.isThrough?.(file, journal);
    count(killed ? 'kills' : 'through before the call');
    if (killed) count(`at ${call}`);
    const { waited } = writer;
    const held = await expectRecovered({ file, journal }, { waited, begun }).catch((error: Error) => {
      error.message = `${what}: ${error.message}\n${readFileSync(journal, { encoding: 'utf8', flag: 'a+' })}`;
      throw error;
    });
    count('acknowledged changes found again', held);
    rmSync(folder, { recursive: true });
  }
  expect(tried.get('kills')).toBe(wanted);
  sayTried('R1', tried);
});
