/** A phone's packets through its router beside the direct way, and how soon a rule, or another key, is in force for it. */
import { resolve } from 'node:path';
import { PrivateKey } from '../src/values/key.ts';
import { publicKeyOf } from '../src/values/key-pair.ts';
import { until } from '../test/lab/until.ts';
import { alone, beside, type Measured, type SceneRow } from './figure.ts';
import type { Machine } from './machine.ts';
import { interleave } from './sample.ts';
import { DEVICE, delaysAfter, type Peer, type Scene } from './scene.ts';

const ROUNDS = 5;
const TIMED_ROUNDS = 9;
const SECONDS = 2;
const PORT = 5001;
const NAME = 'phone';
const CIDRS = ['humans', 'solo'];
/** The phone, and bob, on a device between the two. */
const BARE = { phone: '10.99.0.1', bob: '10.99.0.2' };

const newKey = async (machine: Machine): Promise<PrivateKey> =>
  PrivateKey.parse((await machine.host.sure(['wg', 'genkey'])).trim());

class Phone {
  readonly #scene: Scene;
  readonly #machine: Machine;
  #key: PrivateKey;

  private constructor(scene: Scene, machine: Machine, key: PrivateKey) {
    this.#scene = scene;
    this.#machine = machine;
    this.#key = key;
  }

  /** With WireGuard alone, of CIDR humans, which is associated with bob's. */
  static async add(scene: Scene): Promise<Phone> {
    const machine = await scene.hostOf(NAME);
    const key = await newKey(machine);
    const added = { type: 'AddPlainPeer', name: NAME, cidr: 'humans', publicKey: publicKeyOf(key) };
    const { text } = await scene.command(added);
    const { ip } = JSON.parse(text).events.find(({ type }: { type: string }) => type === 'PeerAdded');
    const phone = new Phone(scene, machine, key);
    await phone.#configure(ip);
    await scene.command({ type: 'AddAssociation', cidrs: CIDRS });
    await machine.reaches(scene.bob.address);
    return phone;
  }

  async #configure(ip: string): Promise<void> {
    const { server } = this.#scene;
    const router = (await server.host.sure(['wg', 'show', DEVICE, 'public-key'])).trim();
    const { host } = this.#machine;
    await host.sure(['wireguard-go', NAME]);
    await this.#put();
    const peer = ['peer', router, 'endpoint', `${server.host.address}:51820`, 'allowed-ips', '10.42.0.0/16'];
    await host.sure(['wg', 'set', NAME, ...peer, 'persistent-keepalive', '25']);
    await host.sure(['ip', 'address', 'add', `${ip}/32`, 'dev', NAME]);
    await host.sure(['ip', 'link', 'set', 'mtu', '1280', 'up', 'dev', NAME]);
    await host.sure(['ip', 'route', 'add', '10.42.0.0/16', 'dev', NAME]);
  }

  #put(): Promise<string> {
    const order = ['wg', 'set', NAME, 'private-key', '/dev/stdin'];
    return this.#machine.host.sure(order, { input: this.#key.reveal() });
  }

  /** Milliseconds from an admin's request until bob answers the phone, which nobody touches. */
  async open(): Promise<number> {
    const { bob } = this.#scene;
    await this.#scene.command({ type: 'DeleteAssociation', cidrs: CIDRS });
    const ping = ['ping', '-n', '-c', '1', '-W', '0.3', bob.address];
    await until('it is closed', async () => (await this.#machine.host.exec(ping)).code !== 0);
    const answered = this.#machine.reaches(bob.address);
    const [delay = Number.NaN] = await delaysAfter([answered], () =>
      this.#scene.command({ type: 'AddAssociation', cidrs: CIDRS }),
    );
    return delay;
  }

  /** Milliseconds from an admin's request until the router has the new key, and the old one no more. */
  async rekey(): Promise<number> {
    const { server } = this.#scene;
    const before = publicKeyOf(this.#key);
    this.#key = await newKey(this.#machine);
    const publicKey = publicKeyOf(this.#key);
    const gone = server.sees(DEVICE, before, false);
    const [delay = Number.NaN] = await delaysAfter(
      [gone.then(() => server.sees(DEVICE, publicKey, true))],
      () => this.#scene.command({ type: 'RekeyPlainPeer', peer: NAME, publicKey }),
    );
    await this.#put();
    return delay;
  }

  /** A device between the phone and bob alone. */
  async layDirect({ machine: bob }: Peer): Promise<void> {
    const ends = [
      { machine: this.#machine, ip: BARE.phone, key: await newKey(this.#machine) },
      { machine: bob, ip: BARE.bob, key: await newKey(bob) },
    ] as const;
    for (const [own, other] of [ends, [ends[1], ends[0]] as const]) {
      const { host } = own.machine;
      await host.sure(['wireguard-go', 'bare']);
      const key = ['private-key', '/dev/stdin', 'listen-port', '51999'];
      const endpoint = ['endpoint', `${other.machine.host.address}:51999`, 'allowed-ips', `${other.ip}/32`];
      await host.sure(['wg', 'set', 'bare', ...key, 'peer', publicKeyOf(other.key), ...endpoint], {
        input: own.key.reveal(),
      });
      await host.sure(['ip', 'address', 'add', `${own.ip}/32`, 'dev', 'bare']);
      await host.sure(['ip', 'link', 'set', 'mtu', '1280', 'up', 'dev', 'bare']);
      await host.sure(['ip', 'route', 'add', `${other.ip}/32`, 'dev', 'bare']);
    }
  }

  /** Mbit/s of TCP to bob. */
  async rate({ machine: bob }: Peer, address: string): Promise<number> {
    const program = [process.execPath, resolve('bench/bare/steady-tcp.js')];
    const taking = bob.host.spawn([...program, 'take', String(PORT)]);
    await taking.line(/ready/);
    await this.#machine.host.sure([...program, 'send', address, String(PORT), '0', String(SECONDS)]);
    const bytes = Number((await taking.line(/took/)).split(' ')[1]);
    await taking.stop();
    return (bytes * 8) / 1e6 / SECONDS;
  }

  /** So that the other rows find what they expect. */
  async leave({ machine: bob }: Peer): Promise<void> {
    await this.#scene.command({ type: 'DeleteAssociation', cidrs: CIDRS });
    await this.#scene.command({ type: 'DeletePeer', peer: NAME });
    await bob.host.exec(['ip', 'link', 'delete', 'bare']);
  }
}

const repeat = async (measure: () => Promise<number>): Promise<number[]> => {
  const values: number[] = [];
  for (let round = 0; round < TIMED_ROUNDS; round++) values.push(await measure());
  return values;
};

const measure = async (scene: Scene): Promise<Measured[]> => {
  const { bob } = scene;
  const phone = await Phone.add(scene);
  try {
    const opened = await repeat(() => phone.open());
    await phone.layDirect(bob);
    const [routed = [], direct = []] = await interleave(ROUNDS, [
      () => phone.rate(bob, bob.address),
      () => phone.rate(bob, BARE.bob),
    ]);
    const rekeyed = await repeat(() => phone.rekey());
    const limit = 50 + 6 * scene.path.oneWayMs;
    return [
      beside({ name: 'TCP of a phone by its router; yardstick: direct', unit: 'Mbit/s' }, routed, direct, {
        atLeast: 0,
      }),
      alone({ name: 'rule → in force for a phone', unit: 'ms' }, opened, limit),
      alone({ name: 'rekeyed: the router has the new key alone', unit: 'ms' }, rekeyed, limit),
    ];
  } finally {
    await phone.leave(bob);
  }
};

export const phone: SceneRow = {
  name: 'phone',
  what: "a phone's TCP by its router; yardstick: direct; a rule, and another key, in force for it",
  measure,
};
