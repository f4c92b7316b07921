/** Follows one network: frames are judged, written down, put on the device, in this order; and so for ever. */
import { setTimeout as pause } from 'node:timers/promises';
import { HostsWriter } from '../../cli/hosts-writer.ts';
import type { HostsOptions } from '../../cli/options.ts';
import { printable } from '../../domain/rejection.ts';
import { CAN, canText } from '../../protocol/can.ts';
import type { Conf } from '../../protocol/conf.ts';
import type { Endpoints, ServerFrame, Welcome } from '../../protocol/frames.ts';
import { candidatesFrom } from '../../protocol/local-candidates.ts';
import type { SocketAddress } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import type { PeerId, Position } from '../../values/id.ts';
import { type Cidr, containsIp, type Ip } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type Device, Turns } from '../../wireguard/device.ts';
import { openLibc } from '../../wireguard/libc.ts';
import { localAddresses } from '../../wireguard/routes.ts';
import type { TunnelConfig } from '../../wireguard/tunnel.ts';
import { Api, BEFORE_READING, type Proofs, proofsOf } from '../api/api.ts';
import { TunnelWay, type Way } from '../api/way.ts';
import { groundOf, writeConf } from '../memory/conf-file.ts';
import { Journal } from '../memory/journal.ts';
import type { Mirror, Verdict } from '../memory/mirror.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import { doubtSentence } from '../memory/trust.ts';
import type { NatOptions } from '../options.ts';
import { AddressWatch } from '../tunnels/address-watch.ts';
import { type ConfChange, changed } from '../tunnels/conf-change.ts';
import { DeviceKeeper } from '../tunnels/device-keeper.ts';
import { patienceAt, pauseBefore } from './connecting.ts';
import { type End, mayBeGone } from './end.ts';
import { Ends, overdue } from './ends.ts';
import { PolledServer } from './polled-server.ts';
import { type LinkStatus, ServerLink } from './server-link.ts';
import { Stream } from './stream.ts';
import { Uptake } from './uptake.ts';

export type FollowOptions = {
  network: InterfaceName;
  conf: Conf;
  paths: NetworkPaths;
  tunnel: TunnelConfig;
  /** A tunnel that was brought up a moment ago. */
  fresh?: Device | undefined;
  hosts: HostsOptions;
  nat: NatOptions;
  /** Seconds between polls of a server that has no live stream. */
  interval?: number | undefined;
  /** Hears what the user may want to know, one sentence at a time. */
  say: (message: string) => void;
};

/** News are gathered this long before the hosts file is written, in milliseconds. */
const HOSTS_AFTER = 50;
/** How long a server that is late may take to answer a question, repeats of lost packets included; in milliseconds. */
const ANSWERED_WITHIN = 4000;
/** A machine that was shut out asks again after this long, or as soon as WireGuard is answered; in milliseconds. */
const SHUT_OUT_PAUSE = 60_000;
const SHUT_OUT_LOOK = 1000;

export class Follower {
  readonly #options: FollowOptions;
  readonly #keeper: DeviceKeeper;
  readonly #mirror: Mirror;
  readonly #way: Way;
  readonly #proofs: Proofs;
  readonly #api: Api;
  readonly #link: ServerLink;
  readonly #uptake: Uptake;
  readonly #ends: Ends;
  readonly #polled: PolledServer;
  readonly #hosts: HostsWriter;
  readonly #turns = new Turns();
  readonly #stopped: Promise<void>;
  #stop: () => void = () => {};
  #wake: () => void = () => {};
  #watch: AddressWatch | undefined;
  #isStopped = false;
  #stream: Stream | undefined;
  /** The number of the device through which the stream goes. */
  #device = 0;
  /** The connection on which a frame could not be taken: what follows on it cannot be either. */
  #spoiled: Stream | undefined;
  #seen: { boot: string; sequence: number } = { boot: '', sequence: 0 };
  #toldTooOld = false;
  #prefetched: ReturnType<Api['snapshot']> | undefined;

  private constructor(options: FollowOptions, journal: Journal, keeper: DeviceKeeper, proofs: Proofs) {
    const { conf, paths, network, hosts, interval, say } = options;
    this.#options = options;
    this.#keeper = keeper;
    this.#mirror = journal.kept.mirror;
    const [mirror, turns] = [this.#mirror, this.#turns];
    this.#hosts = new HostsWriter(
      network,
      hosts,
      () => mirror.peers(),
      (error) => say(error.message),
    );
    const { internalEndpoint, publicKey } = conf.server;
    this.#way = new TunnelWay(network, mirror.ground.own.publicKey);
    this.#proofs = proofs;
    const api = new Api(internalEndpoint, publicKey, this.#way, proofs);
    this.#api = api;
    keeper.onCompared = () => void this.#onCompared();
    const link = new ServerLink({ conf, paths, keeper, trust: proofs.trust, say });
    this.#link = link;
    const onChange = () => {
      this.#writeHostsSoon();
      this.#ends.look();
    };
    const uptake = new Uptake({ journal, keeper, paths, turns, onChange, say });
    this.#uptake = uptake;
    this.#ends = new Ends({ mirror, turns, uptake, say });
    keeper.onMet = () => uptake.foldSoon();
    this.#polled = new PolledServer({
      ...{ api, link, mirror, uptake, keeper, turns, interval, say },
      reach: () => this.#reachServer(),
      hear: () => this.#hear(false),
      candidates: () => this.#candidates(),
      isStopped: () => this.#isStopped,
      rest: (milliseconds) => this.#rest(milliseconds),
    });
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  /** Recovers what is kept and brings the tunnels up, those of peers too: they need no server. */
  static async start(options: FollowOptions): Promise<Follower> {
    const { conf, paths, tunnel, fresh, nat, say } = options;
    const proofs = await proofsOf(conf, paths);
    const journal = await Journal.open(paths, groundOf(conf));
    try {
      const { kept } = journal;
      const { networkId, position, hash } = conf.server;
      if (!kept.mirror.head && networkId && position !== undefined && hash)
        kept.mirror.head = { networkId, position, hash };
      const over = overdue(kept.mirror);
      if (over) {
        kept.mirror.take(over);
        await journal.append(over);
      }
      const keeper = await DeviceKeeper.start({
        conf,
        kept,
        tunnel,
        fresh,
        natTraversal: nat.natTraversal,
        say,
      });
      return new Follower(options, journal, keeper, proofs);
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  get mirror(): Mirror {
    return this.#mirror;
  }

  get keeper(): DeviceKeeper {
    return this.#keeper;
  }

  get status(): LinkStatus {
    return this.#link.status;
  }

  /** Follows until `stop`; a server that is away is waited for. */
  async follow(): Promise<void> {
    let attempt = 0;
    this.#writeHostsSoon();
    void this.#keeper.hold();
    this.#watch = new AddressWatch({
      addresses: () => localAddresses(this.#options.tunnel.name),
      server: () => this.#keeper.serverAddress,
      device: async () => (await openLibc()).deviceIndex(this.#options.tunnel.name),
      onDevice: () => this.#keeper.compareSoon(),
      onChange: ({ moved }) => void this.#onAddresses(moved),
    });
    while (!this.#isStopped) {
      await this.#reachServer();
      if (this.#isStopped) break;
      const end = await this.#session(attempt, () => {
        attempt = 0;
      });
      if (await this.#polled.isOlder(end)) {
        await this.#polled.follow();
        attempt = 0;
        continue;
      }
      if (this.#link.isShutOut) await this.#restShutOut();
      else await this.#rest(pauseBefore(attempt, Math.random()));
      attempt += 1;
    }
  }

  /**
   * Without a session WireGuard asks the server every few seconds, and is answered from when this machine is let in
   * again. The session that there was would be held on to for two minutes where nothing is left to be sent through it.
   */
  async #restShutOut(): Promise<void> {
    const since = performance.now();
    const deadline = since + SHUT_OUT_PAUSE;
    if (this.#link.mayBeGone) await this.#keeper.reachServer(0).catch(() => undefined); // said where it is tried in earnest
    while (!this.#isStopped && performance.now() < deadline) {
      if (await this.#rest(SHUT_OUT_LOOK)) return;
      if (await this.#keeper.hasServer(since).catch(() => false)) return;
    }
  }

  /** Comes level with the server once, and meets the peers that can be met. Throws a `Failure` when that is not so within `milliseconds`. */
  async synchronise(milliseconds: number): Promise<void> {
    const deadline = performance.now() + milliseconds;
    let last: End | undefined;
    for (let attempt = 0; performance.now() < deadline && !this.#link.isShutOut; attempt += 1) {
      await this.#reachServer();
      let isLevel = false;
      const patience = setTimeout(() => this.#stream?.cut('slow'), Math.max(0, deadline - performance.now()));
      last = await this.#session(attempt, (stream) => {
        isLevel = true;
        stream.cut('level');
      });
      clearTimeout(patience);
      const isPolled = !isLevel && (await this.#polled.isOlder(last)) && (await this.#polled.ask());
      if (isLevel || isPolled) return this.#keeper.greeted();
      await this.#rest(Math.min(500, pauseBefore(attempt, Math.random())));
    }
    throw this.#link.unreachable(last);
  }

  /** While it follows: makes sure that it is level with the server. Throws a `Failure` when it is not connected. */
  async refresh(milliseconds: number): Promise<LinkStatus> {
    if (this.#link.polled) {
      if (!(await this.#polled.ask())) throw this.#link.unreachable(undefined);
      return this.status;
    }
    const level = this.#stream?.level();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), milliseconds);
    });
    const isFollowed = this.status.connected && level !== undefined;
    const outcome = isFollowed ? await Promise.race([level, patience]) : 'late';
    clearTimeout(timer);
    if (outcome === 'late') throw this.#link.unreachable(undefined);
    await this.#turns.take(async () => {});
    return this.status;
  }

  /** Ends the stream and writes everything down; the tunnels stay. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch?.close();
    this.#stop();
    this.#stream?.cut('stopping');
    await this.#keeper.close();
    this.#api.close();
    this.#ends.close();
    await this.#turns.take(async () => {
      await this.#hosts.close();
      await this.#uptake.close();
    });
  }

  /** Forgets the pin of the peer with that name or address; what it held back comes in. */
  forgetPin(peer: string): Promise<number> {
    return this.#turns.take(async () => {
      const pins = [...this.#mirror.pins.all()].filter(({ name, ip }) => name === peer || ip === peer);
      if (pins.length > 0) await this.#uptake.commit(this.#mirror.judgeForgetting(pins));
      return pins.length;
    });
  }

  /** The user has seen that a backup was restored; whether there was anything to be seen. */
  acknowledge(): Promise<boolean> {
    return this.#turns.take(async () => {
      const { notice } = this.#mirror;
      if (notice) await this.#uptake.commit(this.#mirror.judgeAcknowledgement());
      return notice !== null;
    });
  }

  /** The user says that the server is an older one. Whether there was anything to be said. */
  acknowledgeOlder(): Promise<boolean> {
    return this.#turns.take(async () => {
      const wasDoubted = await this.#proofs.trust.acknowledge();
      this.#mirror.isDoubted = false;
      this.#stream?.cut('acknowledged');
      this.#wake();
      return wasDoubted;
    });
  }

  /** Takes a change of the conf over: on the device, then in the file. Throws a `Failure`, and nothing has changed. */
  changeConf(change: ConfChange): Promise<void> {
    return this.#turns.take(async () => {
      const { conf, paths } = this.#options;
      const after = changed(conf, change);
      await this.#keeper.adopt(change, after);
      await writeConf(paths.conf, after);
      Object.assign(conf, after);
      // The candidates that the server was told name the old port: they are told anew with the next welcome.
      if (change.what === 'listenPort') this.#stream?.cut('otherPort');
    });
  }

  /** Resolves to whether it was woken before the time was over. */
  async #rest(milliseconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const rested = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), milliseconds);
    });
    const woken = new Promise<boolean>((resolve) => {
      this.#wake = () => resolve(true);
    });
    const isEarly = await Promise.race([rested, this.#stopped.then(() => true), woken]);
    clearTimeout(timer);
    return isEarly;
  }

  /**
   * Other addresses of this machine: the server is told them in a new stream. When it was moved, a new handshake
   * shows the server where it is, and the server tells the others.
   */
  async #onAddresses(moved: boolean): Promise<void> {
    if (this.#isStopped) return;
    void this.#keeper.guard();
    if (moved) {
      this.#options.say('this machine has another address: peers are met anew');
      this.#link.disconnect({ mayBeGone: true });
      await this.#keeper.moved();
    }
    this.#stream?.cut('otherAddresses');
    await this.#turns.take(async () => {});
    this.#wake();
  }

  #reachServer(): Promise<void> {
    return this.#link.reach({ isFirst: this.#seen.boot === '' });
  }

  /** One connection from its beginning to its end. `onLevel` is called when the first news have been taken. */
  async #session(attempt: number, onLevel: (stream: Stream) => void): Promise<End> {
    const passage = await this.#way.open().catch((error: Error) => error);
    if (passage instanceof Error) return this.#turns.take(async () => this.#onNoWay(passage));
    const { head, filled } = this.#mirror;
    const { internalEndpoint, publicKey } = this.#options.conf.server;
    const server = { endpoint: internalEndpoint, key: publicKey };
    const query = {
      ...(head ? { position: head.position, hash: head.hash } : {}),
      ...(head && !filled ? { state: 'none' as const } : {}),
      ...(this.#seen.boot ? this.#seen : {}),
      can: canText(CAN),
    };
    // A newcomer needs all there is: it asks for it while the stream is still being opened.
    this.#prefetched = filled ? undefined : this.#api.snapshot(head);
    this.#prefetched?.catch(() => {});
    return new Promise((resolve) => {
      const stream: Stream = new Stream(
        {
          server,
          connect: passage.connect,
          query,
          patience: patienceAt(attempt),
          prover: this.#proofs.prover,
        },
        {
          opened: (isProved) => void this.#take(stream, () => this.#onOpened(stream, isProved)),
          frame: (frame) => {
            this.#link.hears();
            return this.#take(stream, () => this.#onFrame(stream, frame, onLevel));
          },
          unknown: (kind) => void this.#take(stream, () => this.#onUnknown(kind)),
          late: () => void this.#onLate(stream),
          end: (end) => {
            void this.#turns.take(async () => resolve(this.#onEnd(end)));
          },
        },
      );
      this.#stream = stream;
      this.#device = passage.device;
      if (this.#isStopped) stream.cut('stopping');
    });
  }

  /** Frames are taken one after another; one that cannot be taken ends the connection, and comes again. */
  #take(stream: Stream, act: () => Promise<void>): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#isStopped || this.#stream !== stream || this.#spoiled === stream) return;
      await act().catch((error: Error) => {
        this.#spoiled = stream;
        this.#uptake.complain(error.message);
        stream.cut('untaken');
      });
    });
  }

  /**
   * The server is asked for a sign of life. Its kernel answers for a program that is busy: when nothing at all comes
   * out of the tunnel, it is not where it was, and is looked for anew.
   */
  async #onLate(stream: Stream): Promise<void> {
    try {
      const before = await this.#keeper.heardOfServer();
      stream.ask();
      await pause(ANSWERED_WITHIN, undefined, { ref: false });
      if (this.#isStopped || this.#stream !== stream || !stream.isLate) return;
      if ((await this.#keeper.heardOfServer()) === before) stream.cut('silent');
    } catch {
      // A device that cannot be read is looked after elsewhere; the stream ends when more is overdue.
    }
  }

  /** Where this machine says that it may be reached; undefined where it is not to say so. */
  #candidates(): SocketAddress[] | undefined {
    const { nat, tunnel } = this.#options;
    const port = this.#keeper.listenPort;
    if (!nat.natTraversal || !nat.natCandidates || port === 0) return undefined;
    const addresses = localAddresses(tunnel.name).filter(
      ({ ip }) => !isExcluded(nat.excludeNatCandidates, ip),
    );
    return candidatesFrom(addresses, port, tunnel.network);
  }

  async #onFrame(stream: Stream, frame: ServerFrame, onLevel: (stream: Stream) => void): Promise<void> {
    switch (frame.kind) {
      case 'welcome':
        this.#onWelcome(stream, onLevel);
        if (frame.boot !== this.#seen.boot) this.#seen = { boot: frame.boot, sequence: 0 };
        await this.#follow(stream, this.#mirror.judgeWelcome(frame));
        if (this.#isSetBack(frame) || this.#mirror.alarm) await this.#takeSnapshot();
        return this.#tell(stream);
      case 'delta':
        return this.#follow(stream, this.#mirror.judgeDelta(frame), frame.peers.joined);
      case 'fetch':
        await this.#takeSnapshot(frame.position);
        return this.#tell(stream);
      case 'endpoints':
        return this.#onEndpoints(frame);
      case 'revoked':
        this.#link.shutOut();
        // Let in again, this machine is new to the server's WireGuard: only a new handshake tells.
        this.#link.disconnect({ mayBeGone: true });
        this.#options.say(`this machine was shut out of the network: ${frame.reason}`);
        await this.#uptake.commit(this.#mirror.judgeRevocation());
        // The tunnel to the server ends in this moment: its goodbye would be waited for in vain.
        return stream.cut('stopping');
      default:
        frame satisfies never;
    }
  }

  /**
   * Whether what comes now may be taken at all: of a server that proves itself nothing is that is not proved. Where a
   * history is known and the server was never seen to prove itself, removals alone are obeyed.
   */
  async #hear(isProved: boolean): Promise<boolean> {
    const { trust } = this.#proofs;
    const { mirror } = this;
    const doubt = isProved ? undefined : trust.doubtOf({ knowsHistory: mirror.head !== undefined });
    mirror.isDoubted = doubt !== undefined;
    mirror.isProved = isProved;
    if (isProved) await trust.proved();
    else if (doubt && (await trust.raise(doubt))) this.#options.say(`ALARM: ${doubtSentence(doubt)}`);
    return doubt !== 'Unproved';
  }

  #hearLater(): void {
    void this.#turns.take(async () => {
      await this.#hear(false).catch((error: Error) => this.#uptake.complain(error.message));
    });
  }

  async #onOpened(stream: Stream, isProved: boolean): Promise<void> {
    if (!(await this.#hear(isProved))) stream.cut('unproved');
  }

  /** Whether the clock of a proved server was set back since it was heard last. */
  #isSetBack({ now }: Welcome): boolean {
    return now !== undefined && this.#mirror.isProved && this.#ends.hear(now);
  }

  #onWelcome(stream: Stream, onLevel: (stream: Stream) => void): void {
    this.#link.connect();
    const endpoints = this.#candidates();
    if (endpoints) stream.send({ kind: 'candidates', endpoints });
    this.#keeper.contacts.roundTrip = stream.roundTrip;
    this.#keeper.contacts.serverClock = stream.serverClock;
    void stream.level().then(() => {
      void this.#take(stream, async () => onLevel(stream));
    });
  }

  async #follow(stream: Stream, verdict: Verdict, joined?: readonly PeerId[]): Promise<void> {
    switch (verdict.kind) {
      case 'take':
        await this.#uptake.commit(verdict.effect, joined);
        return this.#tell(stream);
      case 'alarm':
        await this.#uptake.alarm(verdict.effect);
        return this.#tell(stream);
      case 'fetch':
        await this.#takeSnapshot();
        return this.#tell(stream);
      case 'gap':
        return stream.cut('gap');
      case 'known':
        return;
      default:
        verdict satisfies never;
    }
  }

  /** `least` is the position that the snapshot must have reached to be of use. */
  async #takeSnapshot(least: Position = 0): Promise<void> {
    const prefetched = await this.#prefetched?.catch(() => undefined);
    this.#prefetched = undefined;
    const isRecent = prefetched && prefetched.snapshot.position >= least;
    const { snapshot, reached } = isRecent ? prefetched : await this.#api.snapshot(this.#mirror.head);
    const verdict = this.#mirror.judgeSnapshot(snapshot, reached);
    await this.#uptake.whole(verdict);
  }

  async #onEndpoints({ boot, sequence, peers }: Endpoints): Promise<void> {
    this.#seen = { boot, sequence };
    await this.#keeper.observe(peers);
  }

  async #onUnknown(kind: string): Promise<void> {
    if (this.#toldTooOld) return;
    this.#toldTooOld = true;
    await this.#takeSnapshot();
    this.#options.say(
      `the server speaks of "${printable(kind)}", which this program does not know: bring it up to date`,
    );
  }

  #onEnd(end: End): End {
    this.#link.disconnect({ mayBeGone: mayBeGone(end) });
    if (end.kind === 'refused' && !end.isProved && this.#proofs.trust.standing === 'proves') {
      // Before a call is read whole nobody proves anything; a refusal for good would be proved.
      if (!BEFORE_READING.includes(end.status)) this.#hearLater();
      return { kind: 'lost', loss: 'unproved' };
    }
    if (end.kind === 'refused' && end.status === 401) {
      if (!this.#link.isShutOut)
        this.#options.say('the server does not let this machine in: it may be disabled');
      this.#link.shutOut();
    }
    return end;
  }

  /** The device is looked after at once: without it there is no server. */
  #onNoWay(error: Error): End {
    const failure = error instanceof Failure ? error : new Failure(error.message, { cause: error });
    this.#uptake.complain(failure.message);
    this.#keeper.compareSoon();
    return this.#onEnd({ kind: 'noWay', failure });
  }

  /** The kernel binds a connection to the device that has the name then: one that was made anew carries it no more. */
  async #onCompared(): Promise<void> {
    const passage = await this.#way.open().catch(() => undefined);
    if (passage && passage.device !== this.#device) this.#stream?.cut('otherDevice');
  }

  #tell(stream: Stream): void {
    const position = this.#mirror.head?.position ?? 0;
    stream.send({ kind: 'applied', position, held: this.#mirror.heldCount });
  }

  #writeHostsSoon(): void {
    if (!this.#isStopped) this.#hosts.soon(HOSTS_AFTER);
  }
}

const isExcluded = (blocks: readonly Cidr[], ip: Ip): boolean =>
  blocks.some((block) => containsIp(block, ip));
