// The demo, stopped half way: whatever stops it, nothing of it is left on the machine.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let folder = '';
let demo: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'innernet-test-demo-'));
});

afterEach(() => {
  demo?.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

/** Every process that has the demo's folder in its environment: all that it ever starts have. */
const processes = (): string[] =>
  readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/environ`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });

/** Starts the demo and waits until it has said so much. */
const startedUntil = async (
  sentence: string | RegExp,
  ...flags: string[]
): Promise<[ChildProcess, string]> => {
  const child = spawn(
    process.execPath,
    ['scripts/bootstrap.js', process.execPath, 'scripts/run.js', 'scripts/demo', ...flags],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TMPDIR: folder },
    },
  );
  demo = child;
  let said = '';
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk);
    const [found] = said.match(sentence) ?? [];
    if (found !== undefined) return [child, found];
  }
  throw new Error(`the demo ended without "${sentence}":\n${said}`);
};

test.each([
  ['SIGINT', 130, 'A network is created'],
  ['SIGTERM', 143, 'The admin invites the others'],
  ['SIGHUP', 129, 'Its first admin joins'],
] as const)('%s: exit %i, no process and no file left', async (signal, code, sentence) => {
  const [child] = await startedUntil(sentence);
  expect(processes().length).toBeGreaterThan(3);
  const ended = new Promise((done) => child.once('exit', (exit, killedBy) => done(exit ?? killedBy)));
  child.kill(signal);
  expect(await ended).toBe(code);
  await expect.poll(processes, { timeout: 5000 }).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});

test('--ui keeps the network, and shows its page to this machine', { timeout: 300_000 }, async () => {
  const [child, url] = await startedUntil(/^http:\S+$/m, '--ui');
  const visit = { 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document' };
  // Browsers find the name on loopback; Node may not.
  const { host, port } = new URL(url);
  const call = request({ host: '127.0.0.1', port, headers: { host, ...visit } }).end();
  const [page] = await once(call, 'response');
  expect(page.statusCode).toBe(200);
  page.destroy();
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
  await expect.poll(processes, { timeout: 5000 }).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
});
