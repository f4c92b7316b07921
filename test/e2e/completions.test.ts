// Completions as a shell offers them at the Tab key: real shells at a real terminal, each that this machine has.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { shellWord } from '../../src/domain/rejection.ts';
import { keyPairFrom } from '../../src/values/key-pair.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const isHere = (program: string): boolean =>
  (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));

const home = mkdtempSync(join(tmpdir(), 'completions-'));
const said = join(home, 'said');
afterAll(() => rmSync(home, { recursive: true, force: true }));

const server = (...args: string[]): string =>
  execFileSync(process.execPath, [resolve('dist/innernet-server.js'), ...args], {
    encoding: 'utf8',
    cwd: home,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
const FOLDERS = ['-c', 'server-etc', '--data-dir', 'server-lib'];

const key = (seed: number) => keyPairFrom(new Uint8Array(32).fill(seed));

/** A client's files, as innernet 2.0 writes them; one of the CIDRs has a name that shells must quote. */
const joinAcme = (): void => {
  for (const folder of ['etc', 'lib']) mkdirSync(join(home, folder));
  const conf = `[interface]
network-name = "acme"
address = "10.42.1.1/16"
private-key = "${key(7).privateKey.reveal()}"
[server]
public-key = "${key(1).publicKey}"
external-endpoint = "203.0.113.10:51820"
internal-endpoint = "10.42.0.1:51820"
`;
  const peer = (id: number, name: string, ip: string) => ({
    ...{ id, name, ip, cidr_id: 3, public_key: key(id).publicKey, endpoint: null, candidates: [] },
    ...{ persistent_keepalive_interval: 25, is_admin: false, is_disabled: false, is_redeemed: true },
    invite_expires: null,
  });
  const peers = [peer(7, 'ann', '10.42.1.1'), peer(8, 'bob', '10.42.1.2')];
  const cidrs = [
    { id: 1, name: 'acme', cidr: '10.42.0.0/16', parent: null },
    { id: 3, name: 'humans', cidr: '10.42.1.0/24', parent: 1 },
    { id: 4, name: 'old office', cidr: '10.42.2.0/24', parent: 1 },
  ];
  writeFileSync(join(home, 'etc/acme.conf'), conf, { mode: 0o600 });
  writeFileSync(join(home, 'lib/acme.json'), JSON.stringify({ version: '1', peers, cidrs }));
};

/** A program in the real one's place: it asks the real one for names, and notes down all else that it is told. */
const placeProgram = (name: string): void => {
  const file = resolve(`dist/${name.replace(/^inn$/, 'innernet')}.js`);
  const real = `exec ${shellWord(process.execPath)} ${shellWord(file)} "$@"`;
  const text = `#!/bin/sh
for word in "$@"; do [ "$word" != complete ] || ${real}; done
for word in "$@"; do printf '%s\\n' "$word"; done >${shellWord(said)}.draft
mv ${shellWord(said)}.draft ${shellWord(said)}
`;
  const path = join(home, 'bin', name);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
};

beforeAll(() => {
  server(...FOLDERS, 'new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes',
    '--external-endpoint', '203.0.113.10:51820'); // biome-ignore format: one command line
  server(...FOLDERS, 'add-cidr', 'acme', '--name', 'humans', '--cidr', '10.42.1.0/24', '--yes');
  server(...FOLDERS, 'add-cidr', 'acme', '--name', 'servers', '--cidr', '10.42.2.0/24', '--yes');
  server(...FOLDERS, 'add-peer', 'acme', '--name', 'ann', '--cidr', 'humans', '--auto-ip', '--yes');
  joinAcme();
  mkdirSync(join(home, 'bin'));
  for (const name of ['innernet', 'inn', 'innernet-server']) placeProgram(name);
  for (const shell of SHELLS)
    for (const name of ['innernet', 'innernet-server']) {
      const text = execFileSync(process.execPath, [resolve(`dist/${name}.js`), 'completions', shell]);
      writeFileSync(join(home, `${name}.${shell}`), text);
    }
});

const STARTS: { [shell in Shell]: readonly [command: string, setUp: string] } = {
  bash: ['bash --norc --noprofile -i', `PS1='rea''dy> '`],
  zsh: ['zsh -f -i', `autoload -U compinit; compinit -u -d ${shellWord(home)}/dump; PS1='rea''dy> '`],
  fish: ['fish --no-config -i', `function fish_prompt; echo -n 'rea''dy> '; end`],
};

/** A shell at a terminal that knows the completions. */
class Session {
  #shown = '';
  readonly #child: ChildProcess;

  constructor(shell: Shell) {
    const [command, setUp] = STARTS[shell];
    const PATH = `${join(home, 'bin')}:${process.env.PATH}`;
    const folders = { HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home };
    const env = { PATH, TERM: 'xterm', LC_ALL: 'C.UTF-8', ...folders };
    this.#child = spawn('script', ['-qefc', command, '/dev/null'], { cwd: home, env });
    this.#child.stdout?.on('data', (data) => {
      this.#shown += data;
    });
    const sources = ['innernet', 'innernet-server'].map(
      (name) => `source ${shellWord(home)}/${name}.${shell}`,
    );
    this.#child.stdin?.write(`${[setUp, ...sources].join('; ')}\r`);
  }

  /** Types a line with its tabs; answers with what the program was told. */
  async type(line: string): Promise<string[]> {
    await this.#until(() => this.#shown.includes('ready> '));
    rmSync(said, { force: true });
    this.#shown = '';
    this.#child.stdin?.write(`${line}\r`);
    await this.#until(() => existsSync(said));
    return readFileSync(said, 'utf8').split('\n').slice(0, -1);
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  async #until(isSo: () => boolean): Promise<void> {
    for (let tries = 0; !isSo(); tries++) {
      if (tries > 1500) throw new Error(`the shell was stuck at:\n${this.#shown}`);
      await new Promise((later) => setTimeout(later, 20));
    }
  }
}

const ON_SERVER = `innernet-server ${FOLDERS.join(' ')} `;
const ON_PEER = 'inn --config-dir etc -d lib ';

const LINES: readonly (readonly [typed: string, told: string[]])[] = [
  [`${ON_SERVER}rename-p\tac\t--name an\t--new-name eve`, ['rename-peer', 'acme', '--name', 'ann', '--new-name', 'eve']],
  [`${ON_SERVER}add-pe\tac\t--cidr hu\t--admin t\t`, ['add-peer', 'acme', '--cidr', 'humans', '--admin', 'true']],
  [`${ON_SERVER}add-assoc\tac\thu\tser\t`, ['add-association', 'acme', 'humans', 'servers']],
  [`${ON_SERVER}delete-cidr acme --name=ser\t`, ['delete-cidr', 'acme', '--name=servers']],
  [`${ON_SERVER}--backend k\tserve --no-w\tac\t`, ['--backend', 'kernel', 'serve', '--no-write-hosts', 'acme']],
  [`${ON_PEER}up --da\tac\t`, ['up', '--daemon', 'acme']],
  [`${ON_PEER}forget\tac\tbo\t`, ['forget-pin', 'acme', 'bob']],
  [`${ON_PEER}delete-c\tac\t--name ol\t`, ['delete-cidr', 'acme', '--name', 'old office']],
  [`${ON_PEER}install inv\t--na\t work`, ['install', 'invitation.toml', '--name', 'work']],
  [`${ON_PEER}completions z\t`, ['completions', 'zsh']],
]; // biome-ignore format: a table

describe.each(SHELLS.filter((shell) => shell === 'bash' || isHere(shell)))('%s', (shell) => {
  let session: Session;
  beforeAll(() => {
    writeFileSync(join(home, 'invitation.toml'), '');
    session = new Session(shell);
  });
  afterAll(() => session.end());

  it.each(LINES)('%j', async (line, told) => {
    expect((await session.type(line)).slice(4)).toEqual(told);
  });
});

/** What bash would show for a line whose last word is being typed. */
const offered = (program: string, ...words: string[]): string[] => {
  const script = `source ${shellWord(home)}/${program}.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _${program.replaceAll('-', '_')} "$1"; for word in "\${COMPREPLY[@]}"; do printf '%s\\n' "$word"; done`;
  const PATH = `${join(home, 'bin')}:${process.env.PATH}`;
  const argv = ['-c', script, 'bash', program, ...words];
  return execFileSync('bash', argv, { encoding: 'utf8', cwd: home, env: { PATH } }).split('\n').slice(0, -1);
};

describe('what is offered', () => {
  it.each(['innernet', 'innernet-server'])('every verb and flag of the help of %s', (program) => {
    const help = (...args: string[]) =>
      execFileSync(process.execPath, [resolve(`dist/${program}.js`), ...args, '--help'], {
        encoding: 'utf8',
      });
    const verbs = [...help().matchAll(/^ {2}([a-z][a-z-]+)/gm)].map(([, verb]) => verb!);
    expect(verbs.length).toBeGreaterThan(20);
    expect(offered(program, '')).toEqual(expect.arrayContaining(verbs));
    for (const verb of ['add-peer', 'list-cidrs', 'completions']) {
      const flags = [...help(verb).matchAll(/^ {2}.*?(--[a-z-]+)/gm)].map(([, flag]) => flag!);
      expect(offered(program, verb, '-')).toEqual(expect.arrayContaining(flags));
    }
  });

  it('networks, peers and CIDRs where each is meant, nothing where something new is', () => {
    const on = (...words: string[]) => offered('innernet-server', ...FOLDERS, ...words);
    expect(on('list-peers', '')).toEqual(['acme']);
    expect(on('disable-peer', 'acme', '--name', '')).toEqual(['ann', 'innernet-server']);
    expect(on('rename-cidr', 'acme', '--name', '')).toEqual(['acme', 'humans', 'innernet-server', 'servers']);
    expect(on('add-cidr', 'acme', '--parent', 'h')).toEqual(['humans']);
    expect(on('add-cidr', 'acme', '--name', '')).toEqual([]);
    expect(offered('innernet', '-c', 'etc', '-d', 'lib', 'forget-pin', 'acme', '')).toEqual(['ann', 'bob']);
  });

  it('no hidden verb', () => {
    expect(offered('innernet', 'comp')).toEqual(['completions']);
    expect(offered('innernet', 'manu')).toEqual([]);
  });

  it('nothing, quietly, where nothing can be known', () => {
    writeFileSync(join(home, 'etc/broken.conf'), 'no conf at all', { mode: 0o600 });
    for (const words of [
      ['complete', '--', 'rename-peer', 'nope', '--name', ''],
      ['complete', '--', 'rename-peer', '../acme', '--name', ''],
      ['complete', '--', '-c', 'etc', '-d', 'lib', 'rename-cidr', 'broken', '--name', ''],
      ['complete', '--', '-c', '/nowhere', 'list-peers', ''],
      ['complete', '--', 'no-such-verb', ''],
    ])
      for (const program of ['innernet', 'innernet-server']) {
        const { stdout, stderr, code } = answerOf(program, words);
        expect([words, code, stdout, stderr]).toEqual([words, 0, '', '']);
      }
    rmSync(join(home, 'etc/broken.conf'));
  });
});

const answerOf = (program: string, words: readonly string[]) => {
  const script = `"$@" 2>stderr >stdout; echo $?`;
  const argv = ['-c', script, 'sh', process.execPath, resolve(`dist/${program}.js`), ...words];
  const code = Number(execFileSync('sh', argv, { encoding: 'utf8', cwd: home }));
  const read = (name: string) => readFileSync(join(home, name), 'utf8');
  return { code, stdout: read('stdout'), stderr: read('stderr') };
};
