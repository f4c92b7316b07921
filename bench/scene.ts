/**
 * The network that the rows over real WireGuard share: a server, an admin and two more peers that are up and live,
 * each on a host of its own, and newcomers. Everything is gone after `close()`.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Lab } from '../test/lab.ts';
import { someKey } from './log.ts';
import { Machine, type Posted } from './machine.ts';
import { makeFolder, removeFolder } from './scratch.ts';

/** What lies between any two hosts. */
export type Path = { name: string; oneWayMs: number };

export const PATHS: readonly Path[] = [
  { name: 'bare path', oneWayMs: 0 },
  { name: '40 ms each way', oneWayMs: 40 },
];

export const SERVER_IP = '10.42.0.1';
const API = `http://${SERVER_IP}:51820`;
export const DEVICE = 'acme';

/** The server takes 20 calls a second of each peer. */
const BETWEEN_COMMANDS_MS = 60;
/** From the order to ping, or to look, until it is under way. */
export const UNDER_WAY_MS = 50;

export type Peer = { name: string; machine: Machine; address: string; key: string };

/** A peer that has been invited and whose host stands. */
export type Invited = { name: string; machine: Machine; invitation: string; address: string };

/** How a peer joined; times as `clock()` has them. */
export type Joined = {
  peer: Peer;
  installBegan: number;
  installEnded: number;
  /** The server answered its first ping. */
  reachedServer: number;
};

export class Scene {
  readonly path: Path;
  readonly server: Machine;
  /** A peer without a machine, of bob's CIDR: what happens to it concerns bob alone. */
  readonly phantom = { name: 'phantom', key: someKey() };
  /** Where its machines' files lie. */
  readonly folder: string;
  readonly #lab: Lab;
  #serverKey = '';
  readonly #peers = new Map<string, Peer>();
  #commands = 0;
  #invited = 0;

  private constructor(path: Path, lab: Lab, folder: string, server: Machine) {
    this.path = path;
    this.server = server;
    this.#lab = lab;
    this.folder = folder;
  }

  static async create(path: Path): Promise<Scene> {
    const folder = makeFolder();
    const lab = await Lab.create();
    try {
      const server = new Machine(await lab.host('server', { delayMs: path.oneWayMs / 2 }), folder);
      const scene = new Scene(path, lab, folder, server);
      await scene.#begin();
      return scene;
    } catch (error) {
      await lab.close();
      removeFolder(folder);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#lab.close();
    removeFolder(this.folder);
  }

  /** The admin, of CIDR humans. */
  get ann(): Peer {
    return this.#named('ann');
  }

  /** Of CIDR solo. */
  get bob(): Peer {
    return this.#named('bob');
  }

  /** Of CIDR far. */
  get cam(): Peer {
    return this.#named('cam');
  }

  /** Sends a command from the admin's machine, over a connection that is open already. */
  async command(command: object): Promise<Posted> {
    const id = `bench-${++this.#commands}`;
    const headers = { 'x-innernet-server-key': this.#serverKey };
    const posted = await this.ann.machine.post(`${API}/v1/admin/commands`, headers, { id, command });
    if (posted.status !== 200) throw new Error(`${JSON.stringify(command)}: ${posted.status} ${posted.text}`);
    await pause(BETWEEN_COMMANDS_MS);
    return posted;
  }

  /** The admin invites a newcomer to CIDR humans; `machine`: one that is free again. */
  invite(machine?: Machine): Promise<Invited> {
    return this.#invite(this.ann.machine, 'innernet', `new${++this.#invited}`, 'humans', machine);
  }

  /** The peer installs its invitation, pinging the server all the while. */
  async install({ machine, invitation, address }: Invited): Promise<Joined> {
    const reaching = machine.reaches(SERVER_IP);
    reaching.catch(() => {}); // awaited below, after an installation that may fail
    await pause(UNDER_WAY_MS);
    const { begin, end } = await machine.type('innernet', 'install', invitation, '--default-name');
    const reachedServer = await reaching;
    const key = await publicKeyOn(machine);
    const peer = { name: machine.host.name, machine, address, key };
    return { peer, installBegan: begin, installEnded: end, reachedServer };
  }

  /** A host that no program of ours knows. */
  hostOf(name: string): Promise<Machine> {
    return this.#machine(name);
  }

  /** The peer follows the network from now on. */
  async goLive({ machine }: Peer): Promise<void> {
    await machine.start('innernet', 'up', '--daemon', DEVICE).line(/live|level|up/i);
  }

  #named(name: string): Peer {
    const peer = this.#peers.get(name);
    if (!peer) throw new Error(`${name} has not joined`);
    return peer;
  }

  async #begin(): Promise<void> {
    const { server } = this;
    const endpoint = `${server.host.address}:51820`;
    const block = ['--network-name', DEVICE, '--network-cidr', '10.42.0.0/16'];
    await server.type('innernet-server', 'new', ...block, '--external-endpoint', endpoint, '--yes');
    // Commands are posted by a bare program that proves nothing; what is measured proves itself as everywhere.
    await server.type('innernet-server', 'waive-proof', DEVICE, '--yes');
    for (const [index, name] of ['humans', 'solo', 'far'].entries()) {
      const cidr = ['--name', name, '--cidr', `10.42.${index + 1}.0/24`, '--parent', DEVICE];
      await server.type('innernet-server', 'add-cidr', DEVICE, ...cidr, '--yes');
    }
    await server.start('innernet-server', 'serve', DEVICE).line(/listening/);
    this.#serverKey = await publicKeyOn(server);
    for (const [name, cidr] of [
      ['ann', 'humans'],
      ['bob', 'solo'],
      ['cam', 'far'],
    ] as const) {
      const invited = await this.#invite(server, 'innernet-server', name, cidr);
      const { peer } = await this.install(invited);
      this.#peers.set(name, peer);
      await this.goLive(peer);
    }
    const { name, key: publicKey } = this.phantom;
    const terms = { isAdmin: false, inviteExpires: null, redeemed: true };
    await this.command({ type: 'AddPeer', name, cidr: 'solo', publicKey, ...terms });
  }

  /** A host that has a way to everywhere, so that pings leave before there is a tunnel. */
  async #machine(name: string): Promise<Machine> {
    const host = await this.#lab.host(name, { delayMs: this.path.oneWayMs / 2 });
    await host.sure(['ip', 'route', 'add', 'default', 'via', '203.0.113.1']);
    return new Machine(host, this.folder);
  }

  async #invite(by: Machine, program: string, name: string, cidr: string, free?: Machine): Promise<Invited> {
    const invitation = by.path(`${name}.toml`);
    const admin = ['--admin', String(name === 'ann')];
    const terms = ['--auto-ip', ...admin, '--invite-expires', '1d', '--save-config', invitation, '--yes'];
    await by.type(program, 'add-peer', DEVICE, '--name', name, '--cidr', cidr, ...terms);
    const machine = free ?? (await this.#machine(name));
    return { name, machine, invitation, address: addressIn(invitation) };
  }
}

const publicKeyOn = async ({ host }: Machine): Promise<string> =>
  (await host.sure(['wg', 'show', DEVICE, 'public-key'])).trim();

export const addressIn = (invitation: string): string => {
  const [, address] = /^address = "([^/"]+)/m.exec(readFileSync(invitation, 'utf8')) ?? [];
  if (address === undefined) throw new Error(`there is no address in ${invitation}`);
  return address;
};

/** Runs `cause` once `effects` are being waited for; gives how long after its beginning each came, in ms. */
export const delaysAfter = async (
  effects: readonly Promise<number>[],
  cause: () => Promise<{ begin: number }>,
): Promise<number[]> => {
  const all = Promise.all(effects);
  all.catch(() => {}); // awaited below, after a cause that may fail
  await pause(UNDER_WAY_MS);
  const { begin } = await cause();
  return (await all).map((at) => at - begin);
};
