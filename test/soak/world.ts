// The world of a soak: a server, peers that stay, guests that come and go, and a crowd that only follows the stream.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { ControlPlane } from '../../src/server/commands/control-plane.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { keysOf } from '../acme.ts';
import { Caller, labFile } from '../lab/caller.ts';
import { type Host, Lab, type Running } from '../lab.ts';

export const DEVICE = 'acme';
const SERVER_IP = '10.42.0.1';
const API = `${SERVER_IP}:51820`;
export const GROUPS = ['humans', 'robots', 'guests', 'crowd'] as const;
export type Group = (typeof GROUPS)[number];

/** As many records as the server keeps ready for those who come back: with fewer its memory would still be filling. */
const FULL_WINDOW = 10_500;

export type WorldOptions = {
  /** Hosts that come and go. */
  guests: number;
  /** Peers that only follow the stream, each with a device of its own. */
  crowd: number;
  /** Milliseconds between two looks at what a program holds. */
  lookEvery: number;
  /** Fills the log before anybody joins. */
  isLong: boolean;
};

/** A host with the client's program on it; `peerId` while it is a peer. */
export type Member = { host: Host; name: string; daemon: Running | undefined; joined: number };

type ListedPeer = {
  id: number;
  name: string;
  ip: string;
  publicKey: string;
  cidrId: number;
  isDisabled: boolean;
  isRedeemed: boolean;
};

type Listed = { peers: ListedPeer[]; associations: { cidrIds: [number, number] }[] };

/** A device as the truth has it: lines of public key and address. */
const linesOf = (peers: readonly ListedPeer[]): string[] =>
  peers.map(({ publicKey, ip }) => `${publicKey} ${ip}/32`).sort();

export class World {
  readonly lab: Lab;
  readonly folder = mkdtempSync(join(tmpdir(), 'innernet-soak-'));
  readonly server: Host;
  readonly steady: Member[] = [];
  readonly guests: Member[] = [];
  /** Tunnel addresses of the crowd. */
  readonly crowd: string[] = [];
  /** Every line that any program wrote, and which program. */
  readonly said: string[] = [];
  readonly #options: WorldOptions;
  #serving: Running | undefined;
  #serverKey = '';
  #admin: Caller | undefined;
  #crowdCaller: Caller | undefined;
  #commands = 0;

  private constructor(lab: Lab, server: Host, options: WorldOptions) {
    this.lab = lab;
    this.server = server;
    this.#options = options;
  }

  static async create(options: WorldOptions): Promise<World> {
    const lab = await Lab.create();
    const world = new World(lab, await lab.host('server'), options);
    try {
      await world.#begin();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.lab.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The file with the looks at a host's program. */
  looksAt(host: Host): string {
    return join(this.folder, `${host.name}.looks`);
  }

  /** Sends a command as the admin; answers with the status. */
  async command(command: object): Promise<number> {
    const way = { address: '10.42.1.1', server: API, key: this.#serverKey };
    const body = { id: `soak-${process.pid}-${++this.#commands}`, command };
    try {
      const { status } = await this.#caller.ask({ ...way, method: 'POST', path: '/v1/admin/commands', body });
      return status;
    } catch {
      return 0; // the server is away
    }
  }

  async serve(): Promise<void> {
    this.#serving = this.#start(this.server, 'innernet-server', 'serve', DEVICE);
    await this.#serving.line(/listening/);
  }

  async stopServing(signal: NodeJS.Signals): Promise<void> {
    await this.#serving?.stop(signal);
  }

  /** Invites, installs and follows. */
  async join(member: Member, name: string, group: Group): Promise<void> {
    const invitation = join(this.folder, `${name}.toml`);
    const flags = ['--cidr', group, '--auto-ip', '--admin', String(name === 'ann'), '--invite-expires', '1d'];
    await this.operator('add-peer', DEVICE, '--name', name, ...flags, '--save-config', invitation);
    await member.host.sure(this.#argv('innernet', 'install', invitation));
    member.name = name;
    member.joined += 1;
    await this.follow(member);
  }

  async follow(member: Member): Promise<void> {
    member.daemon = this.#start(member.host, 'innernet', 'up', '--daemon', DEVICE);
    await member.daemon.line(/up at/);
  }

  async leave(member: Member): Promise<void> {
    await member.daemon?.stop('SIGTERM');
    member.daemon = undefined;
    await member.host.sure(this.#argv('innernet', 'uninstall', DEVICE, '--yes'));
  }

  /** A verb of the server's own command line. */
  operator(...argv: string[]): Promise<string> {
    return this.server.sure(this.#argv('innernet-server', ...argv, '--yes'));
  }

  followInCrowd(address: string): Promise<void> {
    return this.#inCrowd.follow({ address, server: API, key: this.#serverKey });
  }

  leaveCrowd(address: string): Promise<void> {
    return this.#inCrowd.leave(address);
  }

  /** Where anybody's device or view is not what the log says, in words. */
  async differences(): Promise<string[]> {
    const listed = await this.#listed();
    const wrong: string[] = [];
    const expect = (who: string, has: readonly string[], wants: readonly string[]): void => {
      const surplus = has.filter((line) => !wants.includes(line));
      const lacking = wants.filter((line) => !has.includes(line));
      if (surplus.length + lacking.length > 0)
        wrong.push(`${who}: too much: ${surplus.join(', ') || '-'}; missing: ${lacking.join(', ') || '-'}`);
    };
    const onServer = listed.peers.filter(({ id, isDisabled }) => id !== 1 && !isDisabled);
    expect('server', await this.#device(this.server), linesOf(onServer));
    for (const { host, name, daemon } of [...this.steady, ...this.guests]) {
      if (daemon) expect(name, await this.#device(host), linesOf(seenBy(name, listed)));
    }
    for (const [address, { ids, wrongs }] of await this.#inCrowd.said()) {
      const own = listed.peers.find(({ ip }) => ip === address);
      if (!own) continue;
      const wants = [own, ...seenBy(own.name, listed)].map(({ id }) => String(id));
      expect(`${own.name} (stream)`, ids.map(String), wants);
      wrong.push(...wrongs.map((what) => `${own.name} (stream): ${what}`));
    }
    return wrong;
  }

  /** Waits until everything is as the log says; answers with what is not in the end. */
  async settle(seconds: number): Promise<string[]> {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      const wrong = await this.differences();
      if (wrong.length === 0 || performance.now() > deadline) return wrong;
      await sleep(1000);
    }
  }

  async #listed(): Promise<Listed> {
    const [peers, associations] = await Promise.all(
      ['list-peers', 'list-associations'].map(async (verb) =>
        JSON.parse(await this.server.sure(this.#argv('innernet-server', verb, DEVICE, '--json'))),
      ),
    );
    return { peers, associations };
  }

  async #device(host: Host): Promise<string[]> {
    const text = await host.sure(['wg', 'show', DEVICE, 'allowed-ips']);
    return text
      .trim()
      .split('\n')
      .filter((line) => /\d\/32$/.test(line)) // throwaway peers that open NATs have no addresses
      .map((line) => line.replace('\t', ' '))
      .sort();
  }

  get #caller(): Caller {
    if (!this.#admin) throw new Error('the admin has not joined');
    return this.#admin;
  }

  get #inCrowd(): Caller {
    if (!this.#crowdCaller) throw new Error('there is no crowd');
    return this.#crowdCaller;
  }

  #argv(program: string, ...argv: string[]): string[] {
    return [process.execPath, labFile(`../../dist/${program}.js`), ...this.#data(program), ...argv];
  }

  /** The server's log is on a real disk, where it can also be filled from here. */
  #data(program: string): string[] {
    return program === 'innernet-server' ? ['--data-dir', join(this.folder, 'data')] : [];
  }

  #start(host: Host, program: string, ...argv: string[]): Running {
    const [node = '', file = '', ...rest] = this.#argv(program, ...argv);
    const env = { PROBE_FILE: this.looksAt(host), PROBE_EVERY: String(this.#options.lookEvery) };
    const running = host.spawn([node, '--expose-gc', '--import', labFile('probe.js'), file, ...rest], {
      env,
    });
    void running.ended.then(() => this.said.push(...running.lines.map((line) => `${host.name}: ${line}`)));
    return running;
  }

  async #begin(): Promise<void> {
    const endpoint = `${this.server.address}:51820`;
    mkdirSync(join(this.folder, 'data'), { mode: 0o700 });
    const flags = [
      '--network-cidr',
      '10.42.0.0/16',
      '--external-endpoint',
      endpoint,
      '--listen-port',
      '51820',
    ];
    await this.operator('new', '--no-relay', '--network-name', DEVICE, ...flags);
    // The crowd is added by calls that the test makes by hand, as an old client does: without proofs.
    await this.operator('waive-proof', DEVICE);
    for (const [index, name] of GROUPS.entries()) {
      const block = ['--cidr', `10.42.${index + 1}.0/24`, '--parent', DEVICE];
      await this.operator('add-cidr', DEVICE, '--name', name, ...block);
    }
    if (this.#options.isLong) await this.#fillLog();
    await this.serve();
    this.#serverKey = (await this.server.sure(['wg', 'show', DEVICE, 'public-key'])).trim();
    const router = await this.lab.router('router');
    for (const name of ['ann', 'bob', 'cam', 'dan']) {
      const host = await this.lab.host(name, name === 'cam' ? { behind: router } : {});
      const member: Member = { host, name, daemon: undefined, joined: 0 };
      await this.join(member, name, name === 'ann' || name === 'bob' ? 'humans' : 'robots');
      this.steady.push(member);
    }
    for (let guest = 1; guest <= this.#options.guests; guest += 1) {
      const host = await this.lab.host(`guest${guest}`);
      this.guests.push({ host, name: host.name, daemon: undefined, joined: 0 });
    }
    const [ann] = this.steady;
    if (ann) this.#admin = new Caller(ann.host);
    await this.#gather();
  }

  /** The history of years, in a few seconds: a name that goes to and fro. */
  async #fillLog(): Promise<void> {
    const file = join(this.folder, 'data', `${DEVICE}.events`);
    const log = await openSqliteLog({ file, readModels: READ_MODELS });
    const plane = new ControlPlane(log, await LoggedNetwork.load(log));
    const actor = { kind: 'operator', uid: 0, user: 'root' } as const;
    for (let done = 0; done < FULL_WINDOW; done += 100) {
      const names = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? 'mob' : 'crowd'));
      const renames = names.map((name) => ({ type: 'RenameCidr', cidr: 6, name }) as never);
      await Promise.all(renames.map((command) => plane.execute(command, { actor })));
    }
    await log.close();
  }

  async #gather(): Promise<void> {
    const host = await this.lab.host('crowd');
    for (let number = 1; number <= this.#options.crowd; number += 1) {
      const { publicKey, privateKey } = keysOf(`crowd ${number}`);
      const address = `10.42.4.${number}`;
      const terms = { isAdmin: false, inviteExpires: null, redeemed: true };
      const add = {
        type: 'AddPeer',
        name: `crowd${number}`,
        cidr: 'crowd',
        ip: address,
        publicKey,
        ...terms,
      };
      const status = await this.command(add);
      if (status !== 200) throw new Error(`crowd${number} could not be added: ${status}`);
      await this.#crowdDevice(host, { number, address, privateKey: privateKey.reveal() });
      this.crowd.push(address);
    }
    this.#crowdCaller = new Caller(host);
    for (const address of this.crowd) await this.followInCrowd(address);
  }

  /** Only the server is on it; the way there is chosen by the source address. */
  async #crowdDevice(
    host: Host,
    { number, address, privateKey }: { number: number; address: string; privateKey: string },
  ): Promise<void> {
    const [device, key] = [`w${number}`, join(this.folder, `w${number}.key`)];
    writeFileSync(key, privateKey, { mode: 0o600 });
    await host.sure(['wireguard-go', device]);
    const server = ['peer', this.#serverKey, 'endpoint', `${this.server.address}:51820`];
    const reach = ['allowed-ips', `${SERVER_IP}/32`, 'persistent-keepalive', '25'];
    await host.sure(['wg', 'set', device, 'private-key', key, ...server, ...reach]);
    const lines = [
      `addr add ${address}/32 dev ${device}`,
      `link set ${device} mtu 1280 up`,
      `rule add from ${address} lookup ${100 + number}`,
      `route add ${SERVER_IP} dev ${device} table ${100 + number}`,
    ];
    await host.sure(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    await sleep(60); // the admin may ask 20 times a second
  }
}

/** Whom a peer's device must have, by nothing but what is listed. */
const seenBy = (name: string, { peers, associations }: Listed): ListedPeer[] => {
  const own = peers.find((peer) => peer.name === name);
  if (!own) return [];
  const joined = associations.map(({ cidrIds }) => [...cidrIds].sort((a, b) => a - b).join());
  const isNear = (cidrId: number): boolean =>
    cidrId === own.cidrId ||
    cidrId === 2 ||
    joined.includes([cidrId, own.cidrId].sort((a, b) => a - b).join());
  return peers.filter(
    ({ id, cidrId, isDisabled, isRedeemed }) => id !== own.id && !isDisabled && isRedeemed && isNear(cidrId),
  );
};
