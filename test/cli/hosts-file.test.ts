// The block of names in a hosts file: what gets into it, and that no other byte changes.
import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostSuffix, hostLines, withBlock, writeHosts } from '../../src/cli/hosts-file.ts';
import { withFileLock } from '../../src/machine/file-lock.ts';
import type { Ip } from '../../src/values/ip.ts';
import type { InterfaceName } from '../../src/values/name.ts';

const acme = 'acme' as InterfaceName;
const at = (name: string, ip: string) => ({ name, ip: ip as Ip });
const block = (network: string, ...lines: string[]) =>
  [`# DO NOT EDIT innernet ${network} BEGIN`, ...lines, `# DO NOT EDIT innernet ${network} END`, ''].join(
    '\n',
  );

describe('lines', () => {
  it('are address and name with the suffix', () => {
    expect(hostLines([at('ann', '10.42.1.1'), at('bob', 'fd00::2')], 'acme.wg')).toEqual([
      '10.42.1.1 ann.acme.wg',
      'fd00::2 bob.acme.wg',
    ]);
    expect(hostLines([at('ann', '10.42.1.1')], '')).toEqual(['10.42.1.1 ann']);
  });

  it.each(['Ann', 'ann bob', 'ann\n1.2.3.4 bank.example', 'ann#', 'ännchen', '', '-ann'])(
    'not for %j',
    (name) => expect(hostLines([at(name, '10.42.1.1')], 'acme.wg')).toEqual([]),
  );

  it('localhost is nobody', () => {
    expect(hostLines([at('localhost', '10.42.1.1')], '')).toEqual([]);
    expect(hostLines([at('localhost', '10.42.1.1')], 'acme.wg')).toEqual(['10.42.1.1 localhost.acme.wg']);
    expect(hostLines([at('localhost', '10.42.1.1')], 'localdomain')).toEqual([]);
    expect(hostLines([at('ip6-localhost', '10.42.1.1')], '')).toEqual([]);
    expect(hostLines([at('ann', '10.42.1.1')], 'localhost')).toEqual([]);
  });
});

describe('a suffix', () => {
  it.each(['.wg', 'a b', 'wg\n1.2.3.4 bank.example', 'wg#', '-'])(
    '%j is refused, and never written',
    (suffix) => {
      expect(HostSuffix.safeParse(suffix).success).toBe(false);
      expect(hostLines([at('ann', '10.42.1.1')], suffix)).toEqual([]);
    },
  );

  it.each(['', 'wg', 'acme.wg', 'Corp.Example-1.org'])('%j is taken', (suffix) =>
    expect(HostSuffix.parse(suffix)).toBe(suffix),
  );
});

describe('the block', () => {
  const base = '127.0.0.1 localhost\n';
  const old = `${base}${block('acme', '10.42.1.1 old.acme.wg')}# after\n`;

  it('is put at the end, on a line of its own', () => {
    expect(withBlock(base, 'acme', ['1 a'])).toBe(base + block('acme', '1 a'));
    expect(withBlock('127.0.0.1 localhost', 'acme', ['1 a'])).toBe(base + block('acme', '1 a'));
    expect(withBlock('', 'acme', ['1 a'])).toBe(block('acme', '1 a'));
  });

  it('takes the place of the old one, and goes when there are no lines', () => {
    expect(withBlock(old, 'acme', ['1 a'])).toBe(`${base}${block('acme', '1 a')}# after\n`);
    expect(withBlock(old, 'acme', [])).toBe(`${base}# after\n`);
    expect(withBlock(withBlock(old, 'acme', ['1 a']), 'acme', ['1 a'])).toBe(withBlock(old, 'acme', ['1 a']));
  });

  it('leaves the blocks of other networks alone, also with a name that begins alike', () => {
    const two = `${block('acme2', 'x')}${block('acme', 'y')}`;
    expect(withBlock(two, 'acme', ['1 a'])).toBe(`${block('acme2', 'x')}${block('acme', '1 a')}`);
  });

  it('writes line ends as the file has them', () =>
    expect(withBlock('127.0.0.1 localhost\r\n', 'acme', ['1 a'])).toBe(
      `127.0.0.1 localhost\r\n${block('acme', '1 a').replaceAll('\n', '\r\n')}`,
    ));

  it('is one, whatever somebody did to its marks', () => {
    const twice = `${block('acme', 'x')}middle\n${block('acme', 'y')}`;
    expect(withBlock(twice, 'acme', ['1 a'])).toBe(`${block('acme', '1 a')}middle\n`);
    const halved = `${base}# DO NOT EDIT innernet acme BEGIN\n10.0.0.1 mine\n`;
    expect(withBlock(halved, 'acme', ['1 a'])).toBe(`${base}${block('acme', '1 a')}10.0.0.1 mine\n`);
  });
});

describe('the file', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'innernet-hosts-'));
    path = join(folder, 'hosts');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const write = (file: string, ...lines: string[]) =>
    writeHosts(file, acme, () => lines, join(folder, 'run', 'hosts.lock'));

  it('keeps every other byte, and its mode', async () => {
    const odd = Buffer.from([0x31, 0xff, 0xfe, 0x0d, 0x0a, 0x00, 0xc3, 0x28, 0x0a]);
    await writeFile(path, odd);
    await chmod(path, 0o640);
    await write(path, '10.42.1.1 ann.acme.wg');
    expect((await readFile(path)).subarray(0, odd.length)).toEqual(odd);
    await write(path);
    expect(await readFile(path)).toEqual(odd);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect(await readdir(folder)).toEqual(['hosts', 'run']);
  });

  it('is written by one at a time: whoever comes meanwhile waits, and is asked for names when it is their turn', async () => {
    const lock = join(folder, 'run', 'hosts.lock');
    await writeFile(path, '127.0.0.1 localhost\n');
    let lines = ['1 a'];
    let writing: Promise<void> | undefined;
    await withFileLock(lock, async () => {
      writing = writeHosts(path, acme, () => lines, lock);
      await new Promise((later) => setTimeout(later, 100));
      expect(await readFile(path, 'utf8')).toBe('127.0.0.1 localhost\n');
      lines = ['2 b'];
    });
    await writing;
    expect(await readFile(path, 'utf8')).toBe(`127.0.0.1 localhost\n${block('acme', '2 b')}`);
    expect((await stat(lock)).mode & 0o777).toBe(0o600);
  });

  it('is made where there is none, and stays a link where it is one', async () => {
    const real = join(folder, 'real');
    await writeFile(real, '127.0.0.1 localhost\n');
    await symlink(real, path);
    await write(path, '1 a');
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect(await readFile(real, 'utf8')).toContain('1 a');
    await write(join(folder, 'new'), '1 a');
    expect(await readFile(join(folder, 'new'), 'utf8')).toBe(block('acme', '1 a'));
  });

  it.runIf(process.getuid?.() === 0)('is written in place where it is mounted', async () => {
    const real = join(folder, 'real');
    await writeFile(real, '127.0.0.1 localhost\n');
    await writeFile(path, '');
    execFileSync('mount', ['--bind', real, path]);
    try {
      await write(path, '1 a');
    } finally {
      execFileSync('umount', [path]);
    }
    expect(await readFile(real, 'utf8')).toBe(`127.0.0.1 localhost\n${block('acme', '1 a')}`);
  });
});
