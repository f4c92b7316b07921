// Files stay whole: modes and links are kept, failures leave nothing behind, a killed writer changes nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeFolder, replaceFile, reserveFile } from '../../src/machine/durable-file.ts';

vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'durable-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;
const modeOf = (path: string): number => statSync(path).mode & 0o7777;

describe('replaceFile', () => {
  it('makes a new file for its owner alone', async () => {
    const path = join(folder, 'acme.conf');
    await replaceFile(path, 'one\n');
    expect([readFileSync(path, 'utf8'), modeOf(path)]).toEqual(['one\n', 0o600]);
    expect(readdirSync(folder)).toEqual(['acme.conf']);
  });

  it('gives a new file the mode that is asked for', async () => {
    const path = join(folder, 'hosts');
    await replaceFile(path, 'x', { mode: 0o644 });
    expect(modeOf(path)).toBe(0o644);
  });

  it.runIf(isRoot)('keeps owner, group and mode of what is there', async () => {
    const path = join(folder, 'acme.conf');
    writeFileSync(path, 'old');
    chownSync(path, 65534, 65533);
    chmodSync(path, 0o660);
    await replaceFile(path, 'new');
    const { uid, gid } = statSync(path);
    expect([readFileSync(path, 'utf8'), uid, gid, modeOf(path)]).toEqual(['new', 65534, 65533, 0o660]);
  });

  it('keeps a symbolic link and changes what it points to', async () => {
    const [link, target] = [join(folder, 'hosts'), join(folder, 'real', 'hosts')];
    mkdirSync(join(folder, 'real'));
    writeFileSync(target, 'old');
    symlinkSync('real/hosts', link);
    await replaceFile(link, 'new');
    expect([readlinkSync(link), readFileSync(target, 'utf8')]).toEqual(['real/hosts', 'new']);
    expect(readdirSync(join(folder, 'real'))).toEqual(['hosts']);
  });

  it('leaves nothing behind when it fails', async () => {
    const path = join(folder, 'taken');
    mkdirSync(path);
    await expect(replaceFile(path, 'new')).rejects.toThrow(/taken is not a regular file/);
    expect(readdirSync(folder)).toEqual(['taken']);
  });

  it('removes the drafts of processes that died, and no others', async () => {
    const gone = spawn(process.execPath, ['-e', '0']);
    await once(gone, 'exit');
    const dead = `.acme.conf.${gone.pid}-1.draft`;
    const others = [`.acme.conf.${process.ppid}-1.draft`, `.beta.conf.${gone.pid}-1.draft`];
    for (const name of [dead, ...others]) writeFileSync(join(folder, name), 'half');
    await replaceFile(join(folder, 'acme.conf'), 'whole');
    expect(readdirSync(folder).sort()).toEqual([...others, 'acme.conf'].sort());
  });
});

describe('reserveFile', () => {
  it('refuses to overwrite, whatever is there', async () => {
    const path = join(folder, 'ann.toml');
    writeFileSync(path, 'precious');
    await expect(reserveFile(path)).rejects.toThrow(`${path} exists already, and is not overwritten`);
    symlinkSync('nowhere', join(folder, 'link'));
    await expect(reserveFile(join(folder, 'link'))).rejects.toThrow(/exists already/);
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('is private from the start, and full or gone at the end', async () => {
    const path = join(folder, 'ann.toml');
    const first = await reserveFile(path);
    expect([statSync(path).size, modeOf(path)]).toEqual([0, 0o600]);
    await first.discard();
    await first.discard();
    expect(readdirSync(folder)).toEqual([]);
    const second = await reserveFile(path);
    await second.fill('secret');
    expect([readFileSync(path, 'utf8'), modeOf(path)]).toEqual(['secret', 0o600]);
  });
});

it('makeFolder makes folders for their owner alone and leaves others as they are', async () => {
  chmodSync(folder, 0o755);
  await makeFolder(join(folder, 'etc', 'innernet'));
  expect([modeOf(folder), modeOf(join(folder, 'etc')), modeOf(join(folder, 'etc', 'innernet'))]).toEqual([
    0o755, 0o700, 0o700,
  ]);
});

it('makeFolder refuses a folder into which everybody may write, and takes one of a group', async () => {
  for (const mode of [0o777, 0o1777, 0o702]) {
    chmodSync(folder, mode);
    await expect(makeFolder(folder)).rejects.toMatchObject({
      message: `every user of this machine may write into ${folder} (mode ${mode.toString(8)})`,
      hint: expect.stringContaining(`chmod o-w ${folder}`),
    });
  }
  chmodSync(folder, 0o2775);
  await makeFolder(folder);
  expect(modeOf(folder)).toBe(0o2775);
});

describe('in a process of its own', () => {
  const source = fileURLToPath(new URL('../../src/machine/durable-file.ts', import.meta.url));

  /** A program that has durable-file.ts at hand under its exports' names. */
  const program = async (body: string): Promise<string> => {
    const outfile = join(folder, '..', `durable-${process.pid}-${Math.random()}.mjs`);
    const contents = `import { replaceFile, reserveFile } from ${JSON.stringify(source)};\n${body}`;
    const stdin = { contents, resolveDir: folder, loader: 'ts' as const };
    await build({ stdin, bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'silent' });
    return outfile;
  };

  it('the umask changes nothing', async () => {
    const path = await program(`
      for (const mask of [0, 0o777]) {
        process.umask(mask);
        await replaceFile(\`${folder}/replaced-\${mask}\`, 'x', { mode: 0o640 });
        await (await reserveFile(\`${folder}/reserved-\${mask}\`)).fill('x');
      }`);
    const [code] = await once(spawn(process.execPath, [path], { stdio: 'inherit' }), 'exit');
    rmSync(path);
    const modes = readdirSync(folder).map((name) => `${name} ${modeOf(join(folder, name)).toString(8)}`);
    expect([code, modes.sort()]).toEqual([
      0,
      ['replaced-0 640', 'replaced-511 640', 'reserved-0 600', 'reserved-511 600'],
    ]);
  });

  it('killed at any moment: the old or the new content, whole, and no draft after the next write', async () => {
    const target = join(folder, 'acme.json');
    const path = await program(`
      for (let n = 1; ; n++) {
        await replaceFile(${JSON.stringify(target)}, JSON.stringify({ n, fill: 'x'.repeat(200_000) }));
        if (n === 1) process.stdout.write('started');
      }`);
    for (let round = 0; round < 8; round++) {
      const writer = spawn(process.execPath, [path]);
      await once(writer.stdout, 'data');
      await new Promise((later) => setTimeout(later, Math.random() * 15));
      writer.kill('SIGKILL');
      await once(writer, 'exit');
      expect(JSON.parse(readFileSync(target, 'utf8')).fill).toHaveLength(200_000);
    }
    rmSync(path);
    await replaceFile(target, '{}');
    expect(readdirSync(folder)).toEqual(['acme.json']);
  });

  it.runIf(isRoot)(
    'a bind-mounted file is written in place where that is allowed, and only there',
    async () => {
      const [hosts, mounted] = [join(folder, 'hosts'), join(folder, 'mounted')];
      writeFileSync(hosts, 'a longer old text\n');
      chmodSync(hosts, 0o644);
      writeFileSync(mounted, '');
      const path = await program(`
      const refused = await replaceFile(${JSON.stringify(mounted)}, 'no').catch(({ code }) => code);
      await replaceFile(${JSON.stringify(mounted)}, 'short\\n', { inPlace: true });
      process.stdout.write(refused);`);
      const script = `mount --bind "${hosts}" "${mounted}" && exec "${process.execPath}" "${path}"`;
      const child = spawn('unshare', ['--mount', 'sh', '-c', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [said] = await once(child.stdout, 'data');
      await once(child, 'exit');
      rmSync(path);
      expect([String(said), readFileSync(hosts, 'utf8'), modeOf(hosts)]).toEqual(['EBUSY', 'short\n', 0o644]);
      expect(readdirSync(folder)).toEqual(['hosts', 'mounted']);
    },
  );
});
