// The programs that meet in these tests, on hosts of the lab: innernet 2.0's, unmodified, and ours.

import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from '../e2e/small-network.ts';
import type { Answer, Host, Running, RunOptions } from '../lab.ts';

/** Where scripts/interop.js has put innernet 2.0's programs. */
const folder = process.env.INNERNET_RUST;

/** A program of innernet; a missing one fails the test that wants it. */
const rust = (name: 'innernet' | 'innernet-server'): string => {
  if (!folder) throw new Error("innernet 2.0's programs are built by: npm run test:interop");
  const path = join(folder, name);
  accessSync(path, constants.X_OK);
  return path;
};

const NETWORK = 'acme';

/**
 * innernet finds a userspace device by a file NET.name beside its socket, which wireguard-go writes on a Mac only:
 * without it `fetch`, `show` and `down` say that there is no such device. The test writes it, as a person can.
 */
const NAME_FILE = `/var/run/wireguard/${NETWORK}.name`;

/** A machine with innernet 2.0's client. */
export class OldClient {
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** Joins by an invitation. */
  async install(invitation: string): Promise<string> {
    const said = await this.sure('install', '--default-name', '--delete-invite', invitation);
    await this.name();
    return said;
  }

  /** Makes a userspace device be found. */
  async name(): Promise<void> {
    await this.host.sure(['sh', '-c', `echo ${NETWORK} > ${NAME_FILE}`]);
  }

  run(...args: string[]): Promise<Answer> {
    return this.host.exec(this.command(args), { timeout: 90_000 });
  }

  sure(...args: string[]): Promise<string> {
    return this.host.sure(this.command(args), { timeout: 90_000 });
  }

  start(...args: string[]): Running {
    return this.host.spawn(this.command(args));
  }

  /** Starts a verb at a terminal. */
  talk(...args: string[]): Conversation {
    return new Conversation(this.host, this.command(args));
  }

  command(args: readonly string[]): string[] {
    return [rust('innernet'), '--backend', 'userspace', ...args];
  }
}

/** A machine with innernet 2.0's server. */
export class OldServer {
  readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  /** Makes the network acme, 10.61.0.0/16. */
  async create(): Promise<void> {
    await this.sure(
      ...['new', '--network-name', NETWORK, '--network-cidr', '10.61.0.0/16'],
      ...['--external-endpoint', `${this.host.address}:51820`, '--listen-port', '51820'],
    );
  }

  sure(...args: string[]): Promise<string> {
    return this.host.sure([rust('innernet-server'), '--backend', 'userspace', ...args]);
  }

  /** Serves until it is stopped; resolves when it answers. */
  async serve(): Promise<Running> {
    const serving = this.host.spawn(
      [rust('innernet-server'), 'serve', NETWORK, '--backend', 'userspace', '--no-write-hosts'],
      { env: { RUST_LOG: 'info' } },
    );
    await serving.line(/innernet-server [\d.]+ starting/);
    return serving;
  }
}

/** A machine with one of our programs. */
class NewProgram {
  readonly host: Host;
  readonly #program: string;

  constructor(host: Host, program: 'innernet' | 'innernet-server') {
    this.host = host;
    this.#program = resolve('dist', `${program}.js`);
  }

  run(...args: string[]): Promise<Answer> {
    return this.host.exec(this.command(args), { timeout: 60_000 });
  }

  sure(...args: string[]): Promise<string> {
    return this.host.sure(this.command(args), { timeout: 60_000 });
  }

  start(...args: string[]): Running {
    return this.host.spawn(this.command(args));
  }

  command(args: readonly string[]): string[] {
    return [process.execPath, this.#program, '--backend', 'userspace', ...args];
  }
}

/** A record of the history, as `history --json` prints it. */
export type Entry = {
  position: number;
  type: string;
  actor: { name?: string };
  data: Record<string, unknown>;
};

export class NewServer extends NewProgram {
  constructor(host: Host) {
    super(host, 'innernet-server');
  }

  /** Makes the network acme, 10.61.0.0/16. */
  async create(): Promise<void> {
    await this.sure(
      ...['new', '--no-relay', '--network-name', NETWORK, '--network-cidr', '10.61.0.0/16', '--yes'],
      ...['--external-endpoint', `${this.host.address}:51820`, '--listen-port', '51820'],
    );
  }

  /** Serves until it is stopped; resolves when it answers. */
  async serve(): Promise<Running> {
    const serving = this.start('serve', NETWORK, '--no-write-hosts');
    await serving.line(/listening on/);
    return serving;
  }

  async addCidr(name: string, cidr: string, parent = NETWORK): Promise<void> {
    await this.sure('add-cidr', NETWORK, '--name', name, '--cidr', cidr, '--parent', parent, '--yes');
  }

  /** Makes an invitation file. */
  async invite(name: string, cidr: string, file: string, isAdmin = false): Promise<void> {
    await this.sure(
      ...['add-peer', NETWORK, '--name', name, '--cidr', cidr, '--auto-ip', '--admin', String(isAdmin)],
      ...['--save-config', file, '--yes'],
    );
  }

  async history(): Promise<Entry[]> {
    const text = await this.sure('history', NETWORK, '--json');
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Entry);
  }
}

export class NewClient extends NewProgram {
  constructor(host: Host) {
    super(host, 'innernet');
  }
}

/** A program at a terminal of its own: what it shows, and typing. */
export class Conversation {
  readonly #running: Running;
  readonly #shown = mkdtempSync(join(tmpdir(), 'innernet-terminal-'));

  constructor(host: Host, argv: readonly string[]) {
    const line = argv.map((word) => `'${word}'`).join(' ');
    const file = join(this.#shown, 'typescript');
    this.#running = host.spawn(['script', '-qefc', line, file], { env: { TERM: 'xterm' } });
  }

  get shown(): string {
    try {
      return readFileSync(join(this.#shown, 'typescript'), 'utf8');
    } catch {
      return '';
    }
  }

  /** Types when a question is shown. */
  async answer(question: RegExp, text: string): Promise<void> {
    await this.shows(question);
    this.#running.write(text);
  }

  async shows(what: RegExp): Promise<void> {
    await until(`the terminal shows ${what}`, async () => {
      if (!this.#running.running && !what.test(this.shown)) throw new Error(`it ended:\n${this.shown}`);
      return what.test(this.shown);
    });
  }

  /** Waits for the end; throws, with all that was shown, unless it went well. */
  async end(): Promise<string> {
    const { code } = await this.#running.ended;
    const shown = this.shown;
    rmSync(this.#shown, { recursive: true });
    if (code !== 0) throw new Error(`exit ${code}:\n${shown}`);
    return shown;
  }
}

/** A folder for invitations that all hosts see; `remove` takes it away. */
export const invitationFolder = (): { path: (name: string) => string; remove: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), 'innernet-interop-'));
  return {
    path: (name) => join(folder, `${name}.toml`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

export const pings = async (host: Host, ip: string, options: RunOptions = {}): Promise<boolean> =>
  (await host.exec(['ping', '-n', '-c', '1', '-W', '1', ip], options)).code === 0;

/** The allowed addresses on a host's device. */
export const known = async (host: Host): Promise<string> => host.sure(['wg', 'show', NETWORK, 'allowed-ips']);
