// Real PostgreSQL of the tests' own: a cluster in a temporary folder, run by a user without rights, gone afterwards.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where Debian keeps each version's programs; the newest that is here. */
const programs = (): string | undefined => {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).map(Number).filter(Number.isFinite) : [];
  const newest = versions
    .sort((a, b) => b - a)
    .find((version) => existsSync(`${root}/${version}/bin/postgres`));
  return newest === undefined ? undefined : `${root}/${newest}/bin`;
};

/** Whether these tests can run. Root can install it, so there its absence is a failure. */
export const isPostgresHere = (): boolean => programs() !== undefined || process.getuid?.() === 0;

/** PostgreSQL refuses to run as root. */
const nobody = (): { uid?: number; gid?: number } =>
  process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
};

export const USER = 'innernet';

type Settings = { readonly [name: string]: string };

export class Cluster {
  readonly folder: string;
  readonly port: number;
  readonly #bin: string;
  #server: ChildProcess | undefined;
  #databases = 0;

  private constructor(bin: string, folder: string, port: number) {
    this.#bin = bin;
    this.folder = folder;
    this.port = port;
  }

  /** A cluster that listens on 127.0.0.1. Without `isDurable` it is quick and would not outlive a loss of power. */
  static async start(settings: Settings = {}): Promise<Cluster> {
    const cluster = await Cluster.#folder();
    await cluster.#do('initdb', [
      '-D',
      cluster.#data,
      '-U',
      USER,
      '--auth=trust',
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C',
    ]);
    await cluster.serve(settings);
    return cluster;
  }

  static async #folder(): Promise<Cluster> {
    const bin = programs();
    if (!bin)
      throw new Error(
        'PostgreSQL is not installed: node scripts/bootstrap.js, or apt-get install postgresql',
      );
    const folder = mkdtempSync(join(tmpdir(), 'innernet-pg-'));
    const { uid, gid } = nobody();
    if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
    chmodSync(folder, 0o755);
    return new Cluster(bin, folder, await freePort());
  }

  get #data(): string {
    return join(this.folder, 'data');
  }

  get pid(): number | undefined {
    return this.#server?.pid;
  }

  /** The server's log. */
  readonly said: string[] = [];

  /** Starts the server, also again after it was killed; resolves when it answers. */
  async serve(settings: Settings = {}): Promise<void> {
    const all: Settings = {
      ...{ listen_addresses: '127.0.0.1', port: String(this.port), unix_socket_directories: this.folder },
      ...{ fsync: 'off', max_connections: '60', shared_buffers: '16MB', wal_keep_size: '64MB', ...settings },
    };
    const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = spawn(join(this.#bin, 'postgres'), ['-D', this.#data, ...flags], {
      ...nobody(),
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    server.stderr.on('data', (chunk) => this.said.push(String(chunk)));
    this.#server = server;
    for (;;) {
      if (server.exitCode !== null) throw new Error(`PostgreSQL did not start: ${this.said.join('')}`);
      const [answered] = await Promise.allSettled([this.sql('SELECT 1', 'postgres')]);
      if (answered?.status === 'fulfilled') return;
      await sleep(50);
    }
  }

  /** A standby of this one that replays what it gets. */
  async standby(settings: Settings = {}): Promise<Cluster> {
    const other = await Cluster.#folder();
    const from = ['-h', this.folder, '-p', String(this.port), '-U', USER];
    await other.#do('pg_basebackup', [...from, '-D', other.#data, '-R', '-c', 'fast', '--no-sync']);
    await other.serve(settings);
    return other;
  }

  /** Makes a standby the primary. */
  async promote(): Promise<void> {
    await this.sql('SELECT pg_promote(true, 60)', 'postgres');
  }

  /** An address of a new database, or of one of the name. */
  async database(name?: string): Promise<string> {
    this.#databases += 1;
    const made = name ?? `log${this.#databases}`;
    await this.sql(`CREATE DATABASE ${made} TEMPLATE template0`, 'postgres');
    return this.addressOf(made);
  }

  addressOf(database: string, user = USER): string {
    return `postgres://${user}@127.0.0.1:${this.port}/${database}`;
  }

  /** What psql prints, over the socket of the folder. */
  async sql(text: string, database: string): Promise<string> {
    const target = ['-h', this.folder, '-p', String(this.port), '-U', USER, '-d', database];
    return (await this.#do('psql', [...target, '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text])).trim();
  }

  /** A file that the server's user may read, such as a certificate's key. */
  write(name: string, text: string): string {
    const file = join(this.folder, name);
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(file, text, { mode: 0o600 });
    const { uid, gid } = statSync(this.folder);
    chownSync(file, uid, gid);
    return file;
  }

  get dataFolder(): string {
    return this.#data;
  }

  /** `SIGKILL` is a loss of power, as far as a process can have one: all of its backends go too. */
  async kill(signal: 'SIGKILL' | 'SIGQUIT' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const server = this.#server;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await gone;
  }

  async stop(): Promise<void> {
    await this.kill('SIGCONT');
    await this.kill('SIGQUIT');
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #do(program: string, args: string[]): Promise<string> {
    const options = { ...nobody(), cwd: this.folder, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } };
    return (await run(join(this.#bin, program), args, options)).stdout;
  }
}
