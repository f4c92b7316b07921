/**
 * Two peers behind a router each, and a server that relays: what the rows of the relay share. Any two of the three are
 * as far from each other as the path says, so the way by the relay is twice as long as the direct one, unless it is between.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { passedIn } from '../src/filter/relay-table.ts';
import { answeredIn } from '../test/lab/pings.ts';
import { until } from '../test/lab/until.ts';
import { type Host, Lab, type Running } from '../test/lab.ts';
import { clock } from './clock.ts';
import { Machine } from './machine.ts';
import { addressIn, DEVICE, type Path } from './scene.ts';
import { makeFolder, removeFolder } from './scratch.ts';

export const RELAY_PORT = 51821;
const TABLE = ['table', 'ip', `innernet-relay-${DEVICE}`];
const SNMP = ['cat', '/proc/net/snmp'];
/** Patience with programs on a busy machine, in seconds. */
const PATIENCE = 60;

/** With nftables the program sees handshakes alone: so great a part of the packets passes by the kernel. */
export const LEAST_BY_KERNEL = 0.99;

export type Ports = 'keep' | 'random';
export type Unsolicited = 'drop' | 'reject' | 'accept';
export type Side = { name: string; machine: Machine; router: Host; address: string; key: string };

type RelaySceneOptions = {
  path: Path;
  /** What the routers of ann and bob do with ports. */
  ports: readonly [Ports, Ports];
  /** False: the server has no nft, so that its program passes all packets. */
  hasNft?: boolean;
  /** The relay is half way between the two, so that no packet overtakes another when the way changes. */
  isBetween?: boolean;
  /** What the routers do with packets that nobody inside asked for. */
  unsolicited?: Unsolicited;
  /** False: the server relays nothing. */
  relays?: boolean;
};

export class RelayScene {
  readonly path: Path;
  readonly server: Machine;
  readonly lab: Lab;
  readonly #folder: string;
  readonly #options: RelaySceneOptions;
  readonly #sides = new Map<string, Side>();
  readonly #following = new Map<Side, Running>();
  #serving: Running | undefined;

  private constructor(lab: Lab, folder: string, server: Host, options: RelaySceneOptions) {
    this.lab = lab;
    this.path = options.path;
    this.server = new Machine(server, folder);
    this.#folder = folder;
    this.#options = options;
  }

  /** The server relays; nobody has joined. */
  static async create(options: RelaySceneOptions): Promise<RelayScene> {
    const folder = makeFolder();
    const lab = await Lab.create();
    try {
      const server = await lab.host('server', { delayMs: options.isBetween ? 0 : options.path.oneWayMs / 2 });
      const scene = new RelayScene(lab, folder, server, options);
      if (options.hasNft === false) await server.sure(['mount', '--bind', '/dev/null', '/usr/sbin/nft']);
      await scene.#begin();
      return scene;
    } catch (error) {
      await lab.close();
      removeFolder(folder);
      throw error;
    }
  }

  /** With ann and bob, whose programs run. */
  static async withBoth(options: RelaySceneOptions): Promise<RelayScene> {
    const scene = await RelayScene.create(options);
    try {
      for (const name of ['ann', 'bob']) await scene.follow(await scene.join(name));
      return scene;
    } catch (error) {
      await scene.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.lab.close();
    removeFolder(this.#folder);
  }

  get ann(): Side {
    return this.#named('ann');
  }

  get bob(): Side {
    return this.#named('bob');
  }

  get relay(): string {
    return `${this.server.host.address}:${RELAY_PORT}`;
  }

  /** In milliseconds, by the relay. */
  get roundTrip(): number {
    return 4 * this.path.oneWayMs;
  }

  get serverPid(): number {
    return this.#serving?.pid ?? 0;
  }

  async invite(name: string): Promise<{ side: Side; invitation: string }> {
    const invitation = this.server.path(`${name}.toml`);
    const terms = ['--cidr', 'humans', '--auto-ip', '--admin', 'false', '--invite-expires', '1d'];
    const file = ['--save-config', invitation, '--yes'];
    await this.server.type('innernet-server', 'add-peer', DEVICE, '--name', name, ...terms, ...file);
    const { ports: both, unsolicited = 'drop' } = this.#options;
    const ports = both[this.#sides.size === 0 ? 0 : 1];
    const router = await this.lab.router(`of-${name}`, {
      ports,
      unsolicited,
      delayMs: this.path.oneWayMs / 2,
    });
    const machine = new Machine(await this.lab.host(name, { behind: router }), this.#folder);
    const side = { name, machine, router, address: addressIn(invitation), key: '' };
    this.#sides.set(name, side);
    return { side, invitation };
  }

  /** Gives when `install` began and ended. */
  async install({ side, invitation }: { side: Side; invitation: string }) {
    const { begin, end } = await side.machine.type('innernet', 'install', invitation, '--default-name');
    side.key = (await side.machine.host.sure(['wg', 'show', DEVICE, 'public-key'])).trim();
    return { begin, end };
  }

  async join(name: string): Promise<Side> {
    const invited = await this.invite(name);
    await this.install(invited);
    return invited.side;
  }

  async follow(side: Side): Promise<void> {
    const running = side.machine.start('innernet', 'up', '--daemon', DEVICE);
    this.#following.set(side, running);
    await running.line(/up at/, PATIENCE * 1000);
  }

  /** The tunnels stay. */
  async unfollow(side: Side): Promise<void> {
    await this.#following.get(side)?.stop();
    this.#following.delete(side);
  }

  async serve(): Promise<void> {
    this.#serving = this.server.start('innernet-server', 'serve', DEVICE);
    await this.#serving.line(/listening/, PATIENCE * 1000);
  }

  async killServer(): Promise<void> {
    await this.#serving?.stop('SIGKILL');
  }

  /** Where a side's device sends what is for the other. */
  async endpointOf(side: Side): Promise<string> {
    const other = this.#other(side);
    const lines = (await side.machine.host.sure(['wg', 'show', DEVICE, 'endpoints'])).split('\n');
    return lines.find((line) => line.startsWith(other.key))?.split('\t')[1] ?? '';
  }

  /** Of ann's device for bob, and of bob's for ann. */
  async places(): Promise<[string, string]> {
    return [await this.endpointOf(this.ann), await this.endpointOf(this.bob)];
  }

  /** No program of theirs may run. Resolves when pings pass by these places. */
  async placeAt([ofAnn, ofBob]: readonly [string, string]): Promise<void> {
    for (const [side, place] of [
      [this.ann, ofAnn],
      [this.bob, ofBob],
    ] as const)
      await side.machine.host.sure(['wg', 'set', DEVICE, 'peer', this.#other(side).key, 'endpoint', place]);
    await this.#pass();
    const now = await this.places();
    if (now[0] !== ofAnn || now[1] !== ofBob)
      throw new Error(`the pair is at ${now}, not at ${ofAnn},${ofBob}`);
  }

  async #pass(): Promise<void> {
    const { host } = this.ann.machine;
    const ping = ['ping', '-n', '-c', '1', '-W', '1', this.bob.address];
    await until('pings pass', async () => (await host.exec(ping)).code === 0, PATIENCE);
  }

  async isBy(way: 'relay' | 'direct'): Promise<boolean> {
    const places = await this.places();
    return places.every((place) => place.includes(':') && (place === this.relay) === (way === 'relay'));
  }

  async waitFor(way: 'relay' | 'direct'): Promise<void> {
    await until(`both send by the way ${way}`, () => this.isBy(way), PATIENCE);
  }

  /** Takes the pair to the relay by hand, with a session that began there; no program of theirs runs. */
  async backToRelay(): Promise<void> {
    for (const side of [this.ann, this.bob]) await this.unfollow(side);
    await this.#place(this.bob);
    await this.#place(this.ann, '25');
    await this.#pass();
    await this.waitFor('relay');
  }

  async followBoth(): Promise<void> {
    await Promise.all([this.ann, this.bob].map((side) => this.follow(side)));
  }

  /** Packets of data that the kernel passed on, and packets that came up to the program; without nft, to all programs. */
  async passed(): Promise<{ kernel: number; program: number }> {
    const { host } = this.server;
    const { code, stdout } = await host.exec(['nft', 'list', 'counters', ...TABLE]);
    if (code !== 0) return { kernel: 0, program: counterOf(await host.sure(SNMP), 'Udp', 'InDatagrams') };
    const seen = await host.sure(['nft', 'list', 'table', 'ip', 'seen']);
    return { kernel: passedIn(stdout).sent, program: Number(/packets (\d+)/.exec(seen)?.[1]) };
  }

  /** How many packets came under the rule of the change at a side since `watchRule`. */
  async underRule({ machine: { host } }: Side): Promise<number> {
    return Number(/packets (\d+)/.exec(await host.sure(['nft', 'list', 'table', 'ip', 'seen']))?.[1]);
  }

  /** Marks what comes from the relay before the rule, and counts what looks as if it came directly after it. */
  async watchRule({ machine: { host } }: Side): Promise<void> {
    const { address } = this.server.host;
    const input = `table ip seen {
      chain before { type filter hook prerouting priority raw - 10; ip saddr ${address} udp sport ${RELAY_PORT} meta mark set 0x1; }
      chain after { type filter hook prerouting priority raw + 10; meta mark 0x1 ip saddr != ${address} counter; }
    }\n`;
    await host.sure(['nft', '-f', '-'], { input });
  }

  #other(side: Side): Side {
    return side === this.ann ? this.bob : this.ann;
  }

  #named(name: string): Side {
    const side = this.#sides.get(name);
    if (!side) throw new Error(`${name} has not joined`);
    return side;
  }

  /** The side that asks for a session has its peer made again, so that it begins at once. */
  async #place(side: Side, keepalive?: string): Promise<void> {
    const { key, address } = this.#other(side);
    const set = ['wg', 'set', DEVICE, 'peer', key];
    const { host } = side.machine;
    if (keepalive !== undefined) await host.sure([...set, 'remove']);
    const more = keepalive === undefined ? [] : ['persistent-keepalive', keepalive];
    await host.sure([...set, 'endpoint', this.relay, 'allowed-ips', `${address}/32`, ...more]);
  }

  async #begin(): Promise<void> {
    const { server } = this;
    const endpoint = `${server.host.address}:51820`;
    const block = ['--network-name', DEVICE, '--network-cidr', '10.42.0.0/16'];
    await server.type('innernet-server', 'new', ...block, '--external-endpoint', endpoint, '--yes');
    const humans = ['--name', 'humans', '--cidr', '10.42.1.0/24', '--parent', DEVICE];
    await server.type('innernet-server', 'add-cidr', DEVICE, ...humans, '--yes');
    const { text } = await server.type('innernet-server', 'list-relays', DEVICE, '--json');
    const isRelay = JSON.parse(text).length > 0;
    if (this.#options.relays === false) {
      if (isRelay) await server.type('innernet-server', 'clear-relay', DEVICE, 'innernet-server', '--yes');
    } else if (!isRelay) {
      const port = ['--port', String(RELAY_PORT)];
      await server.type('innernet-server', 'set-relay', DEVICE, 'innernet-server', ...port, '--yes');
    }
    await this.serve();
    const input = `table ip seen { chain in { type filter hook input priority 0; udp dport ${RELAY_PORT} counter; }; }\n`;
    await server.host.exec(['nft', '-f', '-'], { input });
  }
}

/** Pings from both sides, 200 a second each, from now on. */
export class Pings {
  readonly #running: readonly Running[];

  constructor(scene: RelayScene, everySeconds = 0.005) {
    const from = (side: Side, to: Side) =>
      side.machine.host.spawn(['ping', '-n', '-D', '-i', String(everySeconds), to.address]);
    this.#running = [from(scene.ann, scene.bob), from(scene.bob, scene.ann)];
  }

  /** Resolves when both are answered. */
  async areAnswered(): Promise<void> {
    await Promise.all(this.#running.map((running) => running.line(/bytes from/, PATIENCE * 1000)));
  }

  /** Ends them once what was sent before has had the time for an answer. */
  async end(): Promise<{ sent: number; lost: number; gaps: number[] }> {
    await pause(500);
    const sequences = this.#running.map((running) => answeredIn(running.lines.join('\n')));
    const gaps = this.#running.map((running) => longestGap(running.lines));
    await Promise.all(this.#running.map((running) => running.stop('SIGINT')));
    let [sent, lost] = [0, 0];
    for (const numbers of sequences) {
      const last = Math.max(0, ...numbers);
      sent += last;
      lost += last - new Set(numbers).size;
    }
    return { sent, lost, gaps };
  }
}

/** Milliseconds between two answers, at most. */
const longestGap = (lines: readonly string[]): number => {
  const times = lines.flatMap((line) => {
    const [, seconds] = /^\[(\d+\.\d+)\] \d+ bytes from/.exec(line) ?? [];
    return seconds === undefined ? [] : [Number(seconds) * 1000];
  });
  return times.reduce((most, at, index) => Math.max(most, at - (times[index - 1] ?? at)), 0);
};

/** TCP segments that a host has sent again, and those of them that its partners say they had already. */
export type SentAgain = { all: number; needless: number };

const counterOf = (text: string, protocol: string, name: string): number => {
  const [names = '', values = ''] = text.split('\n').filter((line) => line.startsWith(`${protocol}:`));
  return Number(values.split(' ')[names.split(' ').indexOf(name)]);
};

export const sentAgain = async ({ machine: { host } }: Side): Promise<SentAgain> => {
  const text = await host.sure([...SNMP, '/proc/net/netstat']);
  return {
    all: counterOf(text, 'Tcp', 'RetransSegs'),
    needless: counterOf(text, 'TcpExt', 'TCPDSACKRecvSegs'),
  };
};

/** Until something is so, in milliseconds. */
export const timeUntil = async (what: string, isSo: () => Promise<boolean>): Promise<number> => {
  const begin = clock();
  await until(what, isSo, PATIENCE);
  return clock() - begin;
};
