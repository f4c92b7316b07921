// Conversations at a real terminal: questions on it, the answer on stdout, Ctrl-C, colours or none.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { shellWord } from '../../src/domain/rejection.ts';

vi.setConfig({ testTimeout: 60_000 });

let home: string;
let program: string;
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'terminal-'));
  program = join(home, 'innernet.mjs');
  const banner = `import { createRequire as r } from 'node:module'; const require = r(import.meta.url);`;
  await build({
    entryPoints: [fileURLToPath(new URL('./terminal-program.ts', import.meta.url))],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: banner },
    logLevel: 'silent',
  });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

let folder: string;
const open = new Set<ChildProcess>();
beforeEach(() => {
  folder = mkdtempSync(join(home, 'case-'));
});
afterEach(() => {
  for (const child of open) child.kill('SIGKILL');
});

const ENTER = '\r';
const DOWN = '\u001b[B';
const CTRL_C = '\u0003';

/** The program, as words for a shell. */
const typed = (): string => [process.execPath, program].map(shellWord).join(' ');

const escapes = /\p{Cc}\[[0-9;?]*[A-Za-z]/gu;

/** A verb at a terminal; its stdout goes to a file unless it is to be seen there too. */
class Conversation {
  #shown = '';
  #read = 0;
  readonly #child: ChildProcess;

  constructor(line: string, { stdout = 'answer', env = {} }: { stdout?: string; env?: object } = {}) {
    const command = `${typed()} ${line}${stdout ? ` > ${stdout}` : ''}`;
    const { NO_COLOR, FORCE_COLOR, CI, ...inherited } = process.env;
    const environment = { ...inherited, TERM: 'xterm', ...env };
    this.#child = spawn('script', ['-qefc', command, '/dev/null'], { cwd: folder, env: environment });
    open.add(this.#child);
    this.#child.stdout?.on('data', (chunk) => {
      this.#shown += chunk;
    });
  }

  /** Waits until a text is shown that was not waited for before; then types. */
  async at(text: string, keys: string): Promise<this> {
    for (let tries = 0; !this.text.includes(text, this.#read); tries++) {
      if (tries > 400) throw new Error(`"${text}" was never shown, but:\n${this.text}`);
      await new Promise((later) => setTimeout(later, 25));
    }
    this.#read = this.text.length;
    this.#child.stdin?.write(keys);
    return this;
  }

  async end(): Promise<number> {
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    open.delete(this.#child);
    return this.#child.exitCode ?? -1;
  }

  get text(): string {
    return this.#shown.replace(escapes, '');
  }

  get raw(): string {
    return this.#shown;
  }
}

const answer = (): string => readFileSync(join(folder, 'answer'), 'utf8');

it('add-peer asks for everything, refuses what breaks a rule, shows what it will do', async () => {
  const talk = new Conversation('add-peer acme');
  await talk.at('Name of the new peer:', `Kim${ENTER}`);
  await talk.at('a name has only lower-case letters', `\u007f\u007f\u007fkim${ENTER}`);
  await talk.at('bakers (10.42.129.0/24)', `${DOWN}${ENTER}`);
  expect(talk.text).not.toMatch(/innernet-server \(|humans \(/);
  await talk.at('Its address (Enter: the lowest free one):', `1.2.3${ENTER}`);
  await talk.at('"1.2.3" is not an IP address', `${'\u007f'.repeat(5)}${ENTER}`);
  await talk.at('May it administer the network?', `y${ENTER}`);
  await talk.at('Until when (90d, 2027-01-31, never; Enter: the default):', `tomorrow${ENTER}`);
  await talk.at('"tomorrow" is not an end such as 90d', `${'\u007f'.repeat(8)}90d${ENTER}`);
  await talk.at('Invite the admin "kim" into "engineers"?', `y${ENTER}`);
  expect(await talk.end()).toBe(0);
  expect(answer()).toBe('invited the admin "kim" at 10.42.128.3: kim.toml\n');
  expect(talk.text).toContain('its time in the network ends');
  expect(readdirSync(folder)).toContain('kim.toml');
});

it('Ctrl-C at a question: quiet, 130, nothing happened', async () => {
  const talk = new Conversation('add-peer acme --name kim');
  await talk.at('Its CIDR:', CTRL_C);
  expect(await talk.end()).toBe(130);
  expect(talk.text).not.toMatch(/error|hint|at .*:\d+:\d+/);
  expect([answer(), readdirSync(folder)]).toEqual(['', ['answer']]);
});

it('a peer is chosen from those that it makes sense for; "no" changes nothing', async () => {
  const talk = new Conversation('revoke-admin acme');
  await talk.at('ann (10.42.128.1)', ENTER);
  expect(talk.text).not.toContain('ryo (');
  await talk.at('Take the admin rights from "ann"?', `y${ENTER}`);
  await talk.at('"ann" is the last admin besides the server. Go on?', `n${ENTER}`);
  expect(await talk.end()).toBe(1);
  expect(talk.text).toContain('innernet: error: not confirmed: nothing was changed');
  expect(answer()).toBe('');
});

it('flags for everything: no question, unless it cannot be undone', async () => {
  expect(await new Conversation('disable-peer acme --name bob').end()).toBe(0);
  expect(answer()).toBe('disabled "bob"\n');
  const talk = new Conversation('delete-peer acme --name bob');
  await talk.at('Delete "bob" for good?', `y${ENTER}`);
  expect(await talk.end()).toBe(0);
  expect(answer()).toBe('deleted "bob"\n');
});

it('colours on a terminal, and none with NO_COLOR', async () => {
  const coloured = new Conversation('list-cidrs acme', { stdout: '' });
  await coloured.end();
  expect(coloured.raw).toContain('\u001b[2m');
  const plain = new Conversation('list-cidrs acme', { stdout: '', env: { NO_COLOR: '1' } });
  await plain.end();
  expect(plain.raw).not.toContain('\u001b[');
  expect(plain.raw).toBe(coloured.text);
});

it('a reader that has seen enough is no trouble', async () => {
  const child = spawn('bash', ['-c', `set -o pipefail; ${typed()} list-peers acme | true`]);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

it('stopped while the network is asked: no file that looks like an invitation is left', async () => {
  const slow = join(home, 'slow.mjs');
  const never = `import { MemoryPlane } from ${JSON.stringify(fileURLToPath(new URL('../plane.ts', import.meta.url)))};
    import { invite } from ${JSON.stringify(fileURLToPath(new URL('../../src/cli/invitation.ts', import.meta.url)))};
    import { acme } from ${JSON.stringify(fileURLToPath(new URL('../acme.ts', import.meta.url)))};
    const plane = new MemoryPlane('acme', acme.network);
    plane.execute = () => new Promise((later) => { process.stdout.write('asked'); setTimeout(later, 60_000); });
    await invite(plane, { peer: 'kim', file: 'kim.toml', expires: '2030-01-01T00:00:00.000Z', command: () => ({}) });`;
  const stdin = { contents: never, resolveDir: home, loader: 'ts' as const };
  await build({ stdin, outfile: slow, bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' });
  const child = spawn(process.execPath, [slow], { cwd: folder });
  open.add(child);
  await once(child.stdout, 'data');
  expect(readdirSync(folder)).toEqual(['kim.toml']);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([130, null]);
  expect(readdirSync(folder)).toEqual([]);
});
