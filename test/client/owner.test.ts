// One owner a network: the second is told so, a dead one is replaced, and of many at once one wins.
import { spawn } from 'node:child_process';
import { chown, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { askOwner, Ownership } from '../../src/client/owner/owner.ts';
import { Failure } from '../../src/values/failure.ts';
import { folderForSockets } from '../folder-for-sockets.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = folderForSockets('innernet-run-');
  path = join(folder, 'run', 'acme.sock');
});
afterEach(() => rm(folder, { recursive: true }));

const echo = async (request: unknown) => ({ heard: request });

it('answers other processes, in a folder that is closed to others', async () => {
  expect(await askOwner(path, { ask: 'status' })).toBeUndefined();
  const owner = await Ownership.take(path, echo);
  expect(await askOwner(path, { ask: 'status' })).toEqual({ heard: { ask: 'status' } });
  expect((await stat(join(folder, 'run'))).mode & 0o777).toBe(0o700);
  await owner?.release();
  expect(await askOwner(path, { ask: 'status' })).toBeUndefined();
  expect(await readdir(join(folder, 'run'))).toEqual([]);
});

it('is closed to others, whatever the umask and whoever made its folder', async () => {
  await mkdir(join(folder, 'run'), { mode: 0o755 });
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const owner = await Ownership.take(path, echo);
  const modes = await Promise.all(
    [path, join(folder, 'run')].map(async (it) => (await stat(it)).mode & 0o777),
  );
  expect(modes).toEqual([0o600, 0o700]);
  await owner?.release();
});

it.runIf(process.getuid?.() === 0)("refuses a folder that is another user's", async () => {
  await mkdir(join(folder, 'run'));
  await chown(join(folder, 'run'), 65_534, 65_534);
  await expect(Ownership.take(path, echo)).rejects.toMatchObject({
    message: `${join(folder, 'run')} belongs to another user (uid 65534), who could put anything there`,
    hint: expect.stringContaining('chown root'),
  });
});

it('passes on why it could not', async () => {
  const owner = await Ownership.take(path, async () => {
    throw new Failure('there is no peer "zoe"', { hint: 'list them' });
  });
  await expect(askOwner(path, {})).rejects.toMatchObject({
    message: 'there is no peer "zoe"',
    hint: 'list them',
  });
  await owner?.release();
});

it('is one', async () => {
  const owner = await Ownership.take(path, echo);
  expect(await Ownership.take(path, echo)).toBeUndefined();
  expect(await askOwner(path, 1)).toEqual({ heard: 1 });
  await owner?.release();
});

it('is replaced when it was killed', async () => {
  const first = await Ownership.take(path, echo);
  await first?.release();
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(await Ownership.take(path, echo)).toBeUndefined();
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('close', resolve));
  const owner = await Ownership.take(path, echo);
  expect(await askOwner(path, 2)).toEqual({ heard: 2 });
  expect(await readdir(join(folder, 'run'))).toEqual(['acme.sock']);
  await owner?.release();
});
