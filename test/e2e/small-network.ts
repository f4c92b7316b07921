// A network `acme` on real hosts: one server, and peers that join by invitation with the real programs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askOwner } from '../../src/client/owner/owner.ts';
import { nobodyOn } from '../lab/nobody.ts';
import { answeredIn, missedDuring } from '../lab/pings.ts';
import { until } from '../lab/until.ts';
import { type Answer, type Host, Lab, type Running } from '../lab.ts';

const program = (name: string): string => fileURLToPath(new URL(`../../dist/${name}.js`, import.meta.url));
export const CLIENT = [process.execPath, program('innernet')] as const;
export const SERVER = [process.execPath, program('innernet-server')] as const;

/** The client, as a user without rights types it on a host. */
export const clientOfNobody = async (host: Host): Promise<string[]> => {
  const dist = dirname(program('innernet'));
  const { node, copies } = await nobodyOn(host, dist, join(dist, '../package.json'));
  return [...node, `${copies[0]}/innernet.js`];
};

/** The server's program for that user: with the packages that it loads, which are copied once. */
export const serverOfNobody = async (host: Host): Promise<string[]> => {
  const dist = dirname(program('innernet'));
  const packages = ['better-sqlite3', 'bindings', 'file-uri-to-path', 'koffi'];
  const { node, copies } = await nobodyOn(
    host,
    ...[dist, join(dist, '../package.json')],
    ...packages.map((name) => join(dist, '../node_modules', name)),
  );
  const folder = dirname(copies[0] ?? '');
  await host.sure(['sh', '-c', 'cd "$0"; mkdir -p node_modules; mv "$@" node_modules', folder, ...packages]);
  return [...node, `${copies[0]}/innernet-server.js`];
};

/** What a terminal would obey rather than show. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/;

/** Waits for a line on either stream of a program. */
export class SmallNetwork {
  readonly lab: Lab;
  readonly server: Host;
  readonly #folder = mkdtempSync(join(tmpdir(), 'innernet-e2e-'));
  #serving: Running | undefined;

  private constructor(lab: Lab, server: Host) {
    this.lab = lab;
    this.server = server;
  }

  /** The network 10.42.0.0/16 with a CIDR `humans`, 10.42.1.0/24, being served. */
  static async create(options: { isCrowded?: boolean } = {}): Promise<SmallNetwork> {
    const lab = await Lab.create(options);
    const network = new SmallNetwork(lab, await lab.host('server'));
    try {
      const endpoint = `${network.server.address}:51820`;
      const flags = [
        '--network-cidr',
        '10.42.0.0/16',
        '--external-endpoint',
        endpoint,
        '--listen-port',
        '51820',
        '--no-relay',
      ];
      await network.server.sure([...SERVER, 'new', '--network-name', 'acme', ...flags]);
      await network.serve();
      await network.admin(
        'add-cidr',
        'acme',
        '--name',
        'humans',
        '--cidr',
        '10.42.1.0/24',
        '--parent',
        'acme',
      );
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.lab.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What the server that runs now has said so far. */
  get said(): readonly string[] {
    return this.#serving?.lines ?? [];
  }

  /** `env` is what the server gets besides. */
  async serveWith(env: Record<string, string>, ...flags: string[]): Promise<void> {
    this.#serving = this.server.spawn([...SERVER, 'serve', 'acme', ...flags], { env });
    await this.#serving.line(/listening/);
  }

  async serve(...flags: string[]): Promise<void> {
    await this.serveWith({}, ...flags);
  }

  async stopServing(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#serving?.kill(signal);
    await this.#serving?.ended;
  }

  /** A verb of the server's command line, said without a terminal. */
  admin(...argv: string[]): Promise<string> {
    return this.server.sure([...SERVER, ...argv, '--yes']);
  }

  /** An invitation; answers with its path. */
  async invite(name: string, cidr = 'humans'): Promise<string> {
    const file = join(this.#folder, `${name}.toml`);
    const flags = ['--cidr', cidr, '--auto-ip', '--admin', 'false', '--invite-expires', '1d'];
    await this.admin('add-peer', 'acme', '--name', name, ...flags, '--save-config', file);
    return file;
  }

  /** A new host that has joined; with `daemon` it follows the network's changes. */
  async join(name: string): Promise<{ host: Host; invitation: string }> {
    const invitation = await this.invite(name);
    const host = await this.lab.host(name);
    await host.sure([...CLIENT, 'install', invitation]);
    return { host, invitation };
  }

  async isRedeemed(name: string): Promise<boolean> {
    const peers = JSON.parse(await this.server.sure([...SERVER, 'list-peers', 'acme', '--json']));
    return peers.some((peer: { name: string; isRedeemed: boolean }) => peer.name === name && peer.isRedeemed);
  }
}

/** Starts `innernet up --daemon` and waits until it is connected. */
export const follow = (host: Host): Promise<Running> => followWith({}, host);

/** The same, and `env` is what the program gets besides. */
export const followWith = async (env: Record<string, string>, host: Host): Promise<Running> => {
  const running = host.spawn([...CLIENT, 'up', '--daemon', 'acme'], { env });
  await running.line(/up at/);
  await until(`${host.name} is connected`, () => isConnected(host));
  return running;
};

/** Whether the host's daemon says so, asked at its socket: a verb that asks would be a program more for each look. */
export const isConnected = async (host: Host): Promise<boolean> => {
  const status = await askOwner(`/proc/${host.pid}/root/run/innernet/acme.sock`, { ask: 'status' });
  return (status as { connected: boolean } | undefined)?.connected ?? false;
};

type Report = {
  isUp: boolean;
  isConnected: boolean;
  isFollowed: boolean;
  position: number;
  peers: { name: string; ip: string; isConnected: boolean; unreached: string | null }[];
  held: { name: string; rule: string }[];
  alarm: unknown;
};

export const reportOf = async (host: Host): Promise<Report> =>
  JSON.parse(await host.sure([...CLIENT, 'show', 'acme', '--json']))[0];

/** Whether one ping is answered within some seconds. */
export const reaches = async (host: Host, ip: string, seconds = 1): Promise<boolean> =>
  (await host.exec(['ping', '-n', '-c', '1', '-W', String(seconds), ip])).code === 0;

/** Addresses that the host's device routes to peers. */
export const onDevice = async (host: Host): Promise<string[]> =>
  [...(await host.sure(['wg', 'show', 'acme', 'allowed-ips'])).matchAll(/([\d.]+)\/32/g)]
    .map(([, ip]) => ip ?? '')
    .sort();

/** Pings every 50 ms while something is done; resolves to the most in a row that got no answer: `BROKEN` is too many. */
export const missedPings = async (host: Host, ip: string, act: () => Promise<void>): Promise<number> => {
  const pinging = host.spawn(['ping', '-n', '-i', '0.05', ip]);
  try {
    return await missedDuring(async () => answeredIn(pinging.lines.join('\n')), act);
  } finally {
    await pinging.stop('SIGINT');
  }
};

export type { Answer, Host };
export { until };
