/** On a host of the lab: what a client does with WireGuard, piece by piece and timed. */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { OwnConf } from '../../src/client/memory/conf-file.ts';
import { Journal } from '../../src/client/memory/journal.ts';
import type { Effect } from '../../src/client/memory/mirror.ts';
import type { Ground } from '../../src/client/memory/pins.ts';
import { FrameApplier } from '../../src/client/sync/frame-applier.ts';
import { DeviceKeeper } from '../../src/client/tunnels/device-keeper.ts';
import { chainHash } from '../../src/events/record.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { Turns } from '../../src/machine/turns.ts';
import type { Conf } from '../../src/protocol/conf.ts';
import type { Delta } from '../../src/protocol/frames.ts';
import type { PeerRow } from '../../src/protocol/rows.ts';
import type { Endpoint, SocketAddress } from '../../src/values/endpoint.ts';
import type { CidrId, Hash, PeerId } from '../../src/values/id.ts';
import { type Cidr, type Ip, singleton } from '../../src/values/ip.ts';
import { keyPairFrom } from '../../src/values/key-pair.ts';
import type { Hostname, InterfaceName } from '../../src/values/name.ts';
import type { Device } from '../../src/wireguard/device.ts';
import { plan } from '../../src/wireguard/plan.ts';
import { takeDown } from '../../src/wireguard/tunnel.ts';
import { setOperation } from '../../src/wireguard/uapi.ts';
import { startUserspace } from '../../src/wireguard/userspace.ts';
import { someKey } from './layout.ts';
import { obey } from './orders.ts';

const RANGE = '10.0.0.0/8' as Cidr;
let devices = 0;

const nextName = (): InterfaceName => `work${++devices}` as InterfaceName;

const ipOf = (number: number): Ip => `10.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}` as Ip;

const endpointAt = (number: number): SocketAddress =>
  `198.18.${(number >> 8) & 255}.${number & 255}:51820` as SocketAddress;

/** A device with nothing on it, gone afterwards. */
const withDevice = async <T>(work: (device: Device) => Promise<T>): Promise<T> => {
  const name = nextName();
  const device = await startUserspace(name);
  try {
    return await work(device);
  } finally {
    await takeDown(name);
  }
};

const configs = (count: number) =>
  Array.from({ length: count }, (_, number) => ({
    publicKey: someKey(),
    allowedIps: [singleton(ipOf(number))],
    endpoint: endpointAt(number),
  }));

const NOTHING = { publicKey: undefined, listenPort: 0, peers: new Map() };

/** Milliseconds from a wish to a device that has it; and the text that was written. */
const apply = ({ peers }: { peers: number }) => {
  const wants = { peers: configs(peers) };
  return withDevice(async (device) => {
    const begin = performance.now();
    const { steps } = plan(NOTHING, wants, { network: RANGE, now: Date.now() });
    await device.apply(steps);
    return { milliseconds: performance.now() - begin, text: setOperation(steps) };
  });
};

const rowOf = (number: number): PeerRow => ({
  id: (number + 2) as PeerId,
  name: `p${number}` as Hostname,
  ip: ipOf(number),
  cidrId: 3 as CidrId,
  publicKey: someKey(),
  isAdmin: false,
  endpoint: null,
});

const zeros = '0'.repeat(64) as Hash;

/** A client with so many peers, in a folder: everything of it but the hosts file and the stream. */
class Worker {
  readonly #applier: FrameApplier;
  readonly #journal: Journal;
  readonly #keeper: DeviceKeeper;
  readonly #row: PeerRow;
  #isThere = true;

  private constructor(parts: {
    applier: FrameApplier;
    journal: Journal;
    keeper: DeviceKeeper;
    row: PeerRow;
  }) {
    this.#applier = parts.applier;
    this.#journal = parts.journal;
    this.#keeper = parts.keeper;
    this.#row = parts.row;
  }

  static async start(folder: string, peers: number): Promise<Worker> {
    const name = nextName();
    const own = keyPairFrom(randomBytes(32));
    const address = '10.200.0.2/8' as Cidr;
    const server = { ip: '10.200.0.1' as Ip, publicKey: someKey() };
    const ground: Ground = {
      range: RANGE,
      own: { ip: '10.200.0.2' as Ip, publicKey: own.publicKey },
      server,
    };
    mkdirSync(folder, { recursive: true });
    const paths = { state: join(folder, 'work.json'), journal: join(folder, 'work.journal') };
    const journal = await Journal.open(paths, ground);
    const rows = Array.from({ length: peers }, (_, number) => rowOf(number));
    const head = { networkId: zeros, position: 1, hash: zeros };
    const nothing = { changed: [], removed: [] };
    const effect: Effect = {
      head,
      peers: { changed: rows, removed: [] },
      cidrs: nothing,
      held: [],
      released: [],
    };
    journal.kept.mirror.take(effect);
    const conf: Conf = {
      networkName: name,
      address,
      privateKey: own.privateKey,
      server: {
        publicKey: server.publicKey,
        externalEndpoint: '198.51.100.1:51820' as Endpoint,
        internalEndpoint: '10.200.0.1:51820' as SocketAddress,
      },
      peerEndpointOverrides: new Map(),
    };
    const fresh = await startUserspace(name);
    const say = (): void => {};
    const tunnel = { name, address, network: RANGE };
    const keeper = await DeviceKeeper.start({
      conf: new OwnConf(join(folder, 'work.conf'), conf),
      kept: journal.kept,
      tunnel,
      fresh,
      natTraversal: true,
      exitJournal: join(folder, 'work.exit'),
      say,
    });
    const onChange = (): void => {};
    const applier = new FrameApplier({
      journal,
      keeper,
      paths: paths as never,
      turns: new Turns(),
      onChange,
      say,
    });
    return new Worker({ applier, journal, keeper, row: rows[0] as PeerRow });
  }

  /** One peer goes, or comes back: judged, written down, put on the device. */
  async change(): Promise<void> {
    const { mirror } = this.#journal.kept;
    const from = mirror.head?.position ?? 0;
    const digest = zeros;
    const link = { networkId: zeros, position: from + 1, previous: mirror.head?.hash ?? zeros, digest };
    const peers = this.#isThere
      ? { changed: [], removed: [this.#row.id] }
      : { changed: [this.#row], removed: [] };
    this.#isThere = !this.#isThere;
    const delta: Delta = {
      kind: 'delta',
      from,
      position: from + 1,
      hash: chainHash(link, sha256),
      digests: [digest],
      peers,
      cidrs: { changed: [], removed: [] },
    };
    const verdict = mirror.judgeDelta(delta);
    if (verdict.kind !== 'take') throw new Error(`a delta was not taken: ${verdict.kind}`);
    await this.#applier.commit(verdict.effect);
  }

  async close(): Promise<void> {
    await this.#keeper.close();
    await this.#applier.close();
    await takeDown(this.#keeper.device.name);
  }
}

const workers = new Map<number, Worker>();

obey({
  apply,
  /** A device for the yardstick, which stays until `drop`. */
  device: async () => (await startUserspace(nextName())).name,
  drop: ({ name }: { name: InterfaceName }) => takeDown(name),
  client: async ({ folder, peers }: { folder: string; peers: number }) => {
    workers.set(peers, await Worker.start(join(folder, String(peers)), peers));
  },
  /** Microseconds of this process's time, and of the clock, for a change. */
  change: async ({ peers, count }: { peers: number; count: number }) => {
    const worker = workers.get(peers);
    const [before, begin] = [process.cpuUsage(), performance.now()];
    for (let change = 0; change < count; change++) await worker?.change();
    const { user, system } = process.cpuUsage(before);
    return { cpu: (user + system) / count, wall: ((performance.now() - begin) * 1000) / count };
  },
  close: async () => {
    for (const worker of workers.values()) await worker.close();
  },
});
