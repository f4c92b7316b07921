/** Follows one network: frames are judged, written down, put on the device, in this order; and so for ever. */

import { hostLines, writeHosts } from '../cli/hosts-file.ts';
import type { HostsOptions } from '../cli/options.ts';
import { printable } from '../domain/rejection.ts';
import type { Conf } from '../protocol/conf.ts';
import type { Endpoints, ServerFrame } from '../protocol/frames.ts';
import { candidatesFrom } from '../protocol/local-candidates.ts';
import type { Endpoint, SocketAddress } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import type { Position } from '../values/id.ts';
import { type Cidr, containsIp, type Ip } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { type Device, Turns } from '../wireguard/device.ts';
import { localAddresses } from '../wireguard/routes.ts';
import type { TunnelConfig } from '../wireguard/tunnel.ts';
import { AddressWatch } from './address-watch.ts';
import { Api, CallRefused } from './api.ts';
import { type ConfChange, changed } from './conf-change.ts';
import { groundOf, writeConf } from './conf-file.ts';
import { DeviceKeeper } from './device-keeper.ts';
import { Journal } from './journal.ts';
import type { Changes, Effect, Mirror, Verdict } from './mirror.ts';
import type { NatOptions } from './options.ts';
import type { NetworkPaths } from './paths.ts';
import { heldReason } from './pins.ts';
import { Poll } from './poll.ts';
import type { PolledState } from './polled-state.ts';
import { restoredSentence } from './restored.ts';
import { type End, pauseBefore, Stream } from './stream.ts';

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

/** How the running process sees its network. */
export type LinkStatus = {
  connected: boolean;
  /** When the server was last heard on the stream, in milliseconds since 1970. */
  heard: number | undefined;
  /** Whether the server said that this machine is disabled or deleted. */
  isShutOut: boolean;
  /** Whether the server is an older one without a live stream, which is asked now and then. */
  polled: boolean;
};

/** News are gathered this long before the hosts file is written, in milliseconds. */
const HOSTS_AFTER = 50;
/** After this much quiet the journal goes into the state file, in milliseconds. */
const FOLD_AFTER = 10_000;
/** A machine that was shut out asks again after this long, in milliseconds. */
const SHUT_OUT_PAUSE = 60_000;
/** Unless told, in seconds: innernet's. */
const POLL_EVERY = 60;
/** How long one attempt waits for the server's handshake, in milliseconds. */
const HANDSHAKE_WITHIN = 5000;

const isChange = ({ added, removed, changed }: Changes): boolean =>
  added.length + removed.length + changed.length > 0;

export class Follower {
  readonly #options: FollowOptions;
  readonly #journal: Journal;
  readonly #keeper: DeviceKeeper;
  readonly #mirror: Mirror;
  readonly #api: Api;
  readonly #turns = new Turns();
  readonly #stopped: Promise<void>;
  #stop: () => void = () => {};
  #wake: () => void = () => {};
  #watch: AddressWatch | undefined;
  #isStopped = false;
  #stream: Stream | undefined;
  /** The connection on which a frame could not be taken: what follows on it cannot be either. */
  #spoiled: Stream | undefined;
  #complaint: string | undefined;
  #connected = false;
  #heard: number | undefined;
  #seen: { boot: string; sequence: number } = { boot: '', sequence: 0 };
  #toldTooOld = false;
  #shutOut = false;
  #serverMayBeGone = true;
  #prefetched: ReturnType<Api['snapshot']> | undefined;
  readonly #poll: Poll;
  #isPolled = false;
  #toldUnreadable = '';
  #hosts: NodeJS.Timeout | undefined;
  #fold: NodeJS.Timeout | undefined;

  private constructor(options: FollowOptions, journal: Journal, keeper: DeviceKeeper) {
    this.#options = options;
    this.#journal = journal;
    this.#keeper = keeper;
    this.#mirror = journal.kept.mirror;
    const { internalEndpoint, publicKey } = options.conf.server;
    this.#api = new Api(internalEndpoint, publicKey);
    this.#poll = new Poll(this.#api);
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
  }

  /** Recovers what is kept and brings the tunnels up, those of peers too: they need no server. */
  static async start(options: FollowOptions): Promise<Follower> {
    const { conf, paths, tunnel, fresh, nat, say } = options;
    const journal = await Journal.open(paths, groundOf(conf));
    try {
      const { kept } = journal;
      const { networkId, position, hash } = conf.server;
      if (!kept.mirror.head && networkId && position !== undefined && hash)
        kept.mirror.head = { networkId, position, hash };
      const keeper = await DeviceKeeper.start({
        conf,
        kept,
        tunnel,
        fresh,
        natTraversal: nat.natTraversal,
        say,
      });
      return new Follower(options, journal, keeper);
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
    return {
      connected: this.#connected,
      heard: this.#heard,
      isShutOut: this.#shutOut,
      polled: this.#isPolled,
    };
  }

  /** Follows until `stop`; a server that is away is waited for. */
  async follow(): Promise<void> {
    let attempt = 0;
    this.#writeHostsSoon();
    this.#watch = new AddressWatch({
      addresses: () => localAddresses(this.#options.tunnel.name),
      server: () => this.#keeper.serverAddress,
      onChange: ({ moved }) => void this.#onAddresses(moved),
    });
    while (!this.#isStopped) {
      await this.#reachServer();
      if (this.#isStopped) break;
      const end = await this.#session(() => {
        attempt = 0;
      });
      if (await this.#lacksStream(end)) {
        await this.#pollOn();
        attempt = 0;
        continue;
      }
      const pause = this.#shutOut ? SHUT_OUT_PAUSE : pauseBefore(attempt, Math.random());
      attempt += 1;
      await this.#rest(pause);
    }
  }

  /** Comes level with the server once, and meets the peers that can be met. Throws a `Failure` when that is not so within `milliseconds`. */
  async synchronise(milliseconds: number): Promise<void> {
    const deadline = performance.now() + milliseconds;
    let last: End | undefined;
    for (let attempt = 0; performance.now() < deadline && !this.#shutOut; attempt += 1) {
      await this.#reachServer();
      let isLevel = false;
      const patience = setTimeout(
        () => this.#stream?.cut('too slow'),
        Math.max(0, deadline - performance.now()),
      );
      last = await this.#session((stream) => {
        isLevel = true;
        stream.cut('level');
      });
      clearTimeout(patience);
      const isPolled = !isLevel && (await this.#lacksStream(last)) && (await this.#tryToPoll());
      if (isLevel || isPolled) return this.#keeper.greeted();
      await this.#rest(Math.min(500, pauseBefore(attempt, Math.random())));
    }
    throw this.#unreachable(last);
  }

  /** While it follows: makes sure that it is level with the server. Throws a `Failure` when it is not connected. */
  async refresh(milliseconds: number): Promise<LinkStatus> {
    if (this.#isPolled) {
      if (!(await this.#tryToPoll())) throw this.#unreachable(undefined);
      return this.status;
    }
    const level = this.#stream?.level();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), milliseconds);
    });
    const outcome = this.#connected && level ? await Promise.race([level, patience]) : 'late';
    clearTimeout(timer);
    if (outcome === 'late') throw this.#unreachable(undefined);
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
    await this.#turns.take(async () => {
      clearTimeout(this.#fold);
      await this.#writeHosts();
      await this.#foldNow();
      await this.#journal.close();
    });
  }

  /** Forgets the pin of the peer with that name or address; what it held back comes in. */
  forgetPin(peer: string): Promise<number> {
    return this.#turns.take(async () => {
      const pins = [...this.#mirror.pins.all()].filter(({ name, ip }) => name === peer || ip === peer);
      if (pins.length > 0) await this.#commit(this.#mirror.judgeForgetting(pins));
      return pins.length;
    });
  }

  /** The user has seen that a backup was restored; whether there was anything to be seen. */
  acknowledge(): Promise<boolean> {
    return this.#turns.take(async () => {
      const { notice } = this.#mirror;
      if (notice) await this.#commit(this.#mirror.judgeAcknowledgement());
      return notice !== null;
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
      if (change.what === 'listenPort') this.#stream?.cut('another listen port');
    });
  }

  async #rest(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const rested = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    await Promise.race([rested, this.#stopped, woken]);
    clearTimeout(timer);
  }

  /**
   * Other addresses of this machine: the server is told them in a new stream. When it was moved, a new handshake
   * shows the server where it is, and the server tells the others.
   */
  async #onAddresses(moved: boolean): Promise<void> {
    if (this.#isStopped) return;
    if (moved) {
      this.#options.say('this machine has another address: peers are met anew');
      this.#serverMayBeGone = true;
      await this.#keeper.moved();
    }
    this.#stream?.cut('new candidates');
    await this.#turns.take(async () => {});
    this.#wake();
  }

  /** A session that still carries data is left alone, unless the last attempt spoke into the void. */
  async #reachServer(): Promise<void> {
    try {
      if (!this.#serverMayBeGone && (await this.#keeper.hasServer())) return;
      if (this.#seen.boot === '' && (await this.#keeper.hasServer())) return;
      const reached = await this.#keeper.reachServer(HANDSHAKE_WITHIN);
      if (!reached) return;
      this.#serverMayBeGone = false;
      await this.#noteServer(reached);
    } catch (error) {
      this.#options.say((error as Error).message);
    }
  }

  /** The conf follows the server to a new address once it has answered there. */
  async #noteServer(endpoint: Endpoint): Promise<void> {
    const { conf, paths, say } = this.#options;
    if (conf.server.externalEndpoint === endpoint) return;
    conf.server.externalEndpoint = endpoint;
    await writeConf(paths.conf, conf);
    say(`the server has moved to ${endpoint}`);
  }

  /** One connection from its beginning to its end. `onLevel` is called when the first news have been taken. */
  #session(onLevel: (stream: Stream) => void): Promise<End> {
    const { head, filled } = this.#mirror;
    const { internalEndpoint, publicKey } = this.#options.conf.server;
    const query = {
      ...(head ? { position: head.position, hash: head.hash } : {}),
      ...(head && !filled ? { state: 'none' as const } : {}),
      ...(this.#seen.boot ? this.#seen : {}),
    };
    // A newcomer needs all there is: it asks for it while the stream is still being opened.
    this.#prefetched = filled ? undefined : this.#api.snapshot(head);
    this.#prefetched?.catch(() => {});
    return new Promise((resolve) => {
      const stream: Stream = new Stream({ endpoint: internalEndpoint, key: publicKey }, query, {
        frame: (frame) => {
          this.#heard = Date.now();
          this.#take(stream, () => this.#onFrame(stream, frame, onLevel));
        },
        unknown: (kind) => this.#take(stream, () => this.#onUnknown(kind)),
        end: (end) => {
          void this.#turns.take(async () => resolve(this.#onEnd(end)));
        },
      });
      this.#stream = stream;
      if (this.#isStopped) stream.cut('stopping');
    });
  }

  /** Frames are taken one after another; one that cannot be taken ends the connection, and comes again. */
  #take(stream: Stream, act: () => Promise<void>): void {
    void this.#turns.take(async () => {
      if (this.#isStopped || this.#stream !== stream || this.#spoiled === stream) return;
      await act().catch((error: Error) => {
        this.#spoiled = stream;
        this.#complain(error.message);
        stream.cut(error.message);
      });
    });
  }

  /** What lasts through many attempts is said once. */
  #complain(message: string): void {
    if (message !== this.#complaint) this.#options.say(message);
    this.#complaint = message;
  }

  /** Whether the stream was refused because the server is an older one; said once. */
  async #lacksStream(end: End | undefined): Promise<boolean> {
    if (this.#isStopped || end?.kind !== 'refused' || ![400, 404, 405, 426].includes(end.status))
      return false;
    if ((await this.#poll.hasStream()) !== false) return false;
    if (!this.#isPolled) {
      const { interval = POLL_EVERY } = this.#options;
      this.#options.say(
        `this server has no live stream: news come when it is asked, with "up --daemon" every ${interval} s`,
      );
      if (this.#mirror.head)
        this.#options.say(
          'it shows no history either, as it did before: what it says is checked by pins alone',
        );
    }
    this.#isPolled = true;
    return true;
  }

  /** Asks again and again, until the server has a live stream or `stop`. */
  async #pollOn(): Promise<void> {
    const { interval = POLL_EVERY } = this.#options;
    for (;;) {
      await this.#tryToPoll();
      await this.#rest(interval * 1000);
      if (this.#isStopped) return;
      await this.#reachServer();
      if (await this.#poll.hasStream()) break;
    }
    this.#isPolled = false;
    this.#connected = false;
    this.#options.say('the server has a live stream now');
  }

  /** Takes what an older server shows; whether it has answered. */
  async #tryToPoll(): Promise<boolean> {
    try {
      const state = await this.#poll.state();
      await this.#turns.take(() => this.#takeState(state));
      await this.#poll.report(this.#candidates() ?? []);
      return true;
    } catch (error) {
      this.#connected = false;
      const isRefused = error instanceof CallRefused && error.status === 401;
      if (!isRefused || !this.#shutOut) this.#complain((error as Error).message);
      if (isRefused) this.#shutOut = true;
      else this.#serverMayBeGone = true;
      return false;
    }
  }

  async #takeState({ observations, unreadable, ...shown }: PolledState): Promise<void> {
    if (this.#isStopped) return;
    this.#connected = true;
    this.#shutOut = false;
    this.#complaint = undefined;
    this.#serverMayBeGone = false;
    this.#heard = Date.now();
    const verdict = this.#mirror.judgeState(shown);
    if (verdict.kind === 'take') await this.#commit(verdict.effect);
    if (verdict.kind === 'alarm') await this.#alarm(verdict.effect);
    await this.#keeper.observe(observations);
    const names = unreadable.map(printable).join(', ');
    if (names !== this.#toldUnreadable && names) this.#options.say(`rows cannot be understood: ${names}`);
    this.#toldUnreadable = names;
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
        if (this.#mirror.alarm) await this.#takeSnapshot();
        return this.#tell(stream);
      case 'delta':
        return this.#follow(stream, this.#mirror.judgeDelta(frame));
      case 'fetch':
        await this.#takeSnapshot(frame.position);
        return this.#tell(stream);
      case 'endpoints':
        return this.#onEndpoints(frame);
      case 'revoked':
        this.#shutOut = true;
        // Let in again, this machine is new to the server's WireGuard: only a new handshake tells.
        this.#serverMayBeGone = true;
        this.#options.say(`this machine was shut out of the network: ${frame.reason}`);
        await this.#commit(this.#mirror.judgeRevocation());
        // The tunnel to the server ends in this moment: its goodbye would be waited for in vain.
        return stream.cut('stopping');
    }
  }

  #onWelcome(stream: Stream, onLevel: (stream: Stream) => void): void {
    this.#connected = true;
    this.#shutOut = false;
    this.#serverMayBeGone = false;
    const endpoints = this.#candidates();
    if (endpoints) stream.send({ kind: 'candidates', endpoints });
    this.#keeper.contacts.roundTrip = stream.roundTrip;
    void stream.level().then(() => {
      this.#take(stream, async () => onLevel(stream));
    });
  }

  async #follow(stream: Stream, verdict: Verdict): Promise<void> {
    switch (verdict.kind) {
      case 'take':
        await this.#commit(verdict.effect);
        return this.#tell(stream);
      case 'alarm':
        await this.#alarm(verdict.effect);
        return this.#tell(stream);
      case 'fetch':
        await this.#takeSnapshot();
        return this.#tell(stream);
      case 'gap':
        return stream.cut('a frame is missing');
      case 'known':
        return;
    }
  }

  /** `least` is the position that the snapshot must have reached to be of use. */
  async #takeSnapshot(least: Position = 0): Promise<void> {
    const prefetched = await this.#prefetched?.catch(() => undefined);
    this.#prefetched = undefined;
    const isRecent = prefetched && prefetched.snapshot.position >= least;
    const { snapshot, reached } = isRecent ? prefetched : await this.#api.snapshot(this.#mirror.head);
    const verdict = this.#mirror.judgeSnapshot(snapshot, reached);
    if (verdict.kind === 'alarm') await this.#alarm(verdict.effect);
    if (verdict.kind === 'take') await this.#commit(verdict.effect);
  }

  async #alarm(effect: Effect): Promise<void> {
    const { peers, released, alarm } = effect;
    if (this.#mirror.alarm && peers.removed.length + released.length === 0) return;
    if (!this.#mirror.alarm && alarm)
      this.#options.say(
        `ALARM: the server shows another history than before (${alarm.breach} at position ${alarm.position}): ` +
          'tunnels stay, peers that it removes go, nobody is let in',
      );
    await this.#commit(effect);
  }

  /** Writes the effect down, then takes it: what is on the device is on the disk before. */
  async #commit(effect: Effect): Promise<void> {
    const wasHeld = this.#mirror.heldCount;
    try {
      await this.#journal.append(effect);
    } catch (error) {
      await this.#obeyRemovals(effect);
      throw new Failure(`cannot write ${this.#options.paths.journal}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    this.#complaint = undefined;
    const changes = this.#mirror.take(effect);
    await this.#keeper.apply(changes);
    if (effect.restored) this.#options.say(restoredSentence(effect.restored));
    if (this.#mirror.heldCount > wasHeld) this.#sayHeld(effect);
    if (isChange(changes)) this.#writeHostsSoon();
    this.#foldSoon();
  }

  /** A full disk must keep nobody in: what leaves goes at once, the rest comes again with the same frame. */
  async #obeyRemovals({ peers, released }: Effect): Promise<void> {
    const changes = this.#mirror.take({
      peers: { changed: [], removed: peers.removed },
      cidrs: { changed: [], removed: [] },
      held: [],
      released: released.filter((id) => peers.removed.includes(id)),
    });
    await this.#keeper.apply(changes);
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
    this.#connected = false;
    if (end.kind === 'lost' && !/ECONNREFUSED|ECONNRESET|stopping|level|candidates/.test(end.reason))
      this.#serverMayBeGone = true;
    if (end.kind === 'refused' && end.status === 401) {
      if (!this.#shutOut) this.#options.say('the server does not let this machine in: it may be disabled');
      this.#shutOut = true;
    }
    return end;
  }

  #tell(stream: Stream): void {
    const position = this.#mirror.head?.position ?? 0;
    stream.send({ kind: 'applied', position, held: this.#mirror.heldCount });
  }

  #sayHeld({ held }: Effect): void {
    for (const one of held)
      this.#options.say(
        `the peer "${printable(one.row.name)}" is held back (${one.rule}): ${heldReason(one)}`,
      );
  }

  #writeHostsSoon(): void {
    if (this.#isStopped) return;
    this.#hosts ??= setTimeout(() => void this.#writeHosts(), HOSTS_AFTER);
  }

  async #writeHosts(): Promise<void> {
    clearTimeout(this.#hosts);
    this.#hosts = undefined;
    const { hosts, network, say } = this.#options;
    if (!hosts.writeHosts) return;
    const suffix = hosts.hostSuffix ?? `${network}.wg`;
    const lines = hostLines(this.#mirror.peers(), suffix);
    await writeHosts(hosts.hostsPath, network, lines).catch((error: Error) => say(error.message));
  }

  #foldSoon(): void {
    clearTimeout(this.#fold);
    if (this.#journal.isLong) void this.#turns.take(() => this.#foldNow());
    else this.#fold = setTimeout(() => void this.#turns.take(() => this.#foldNow()), FOLD_AFTER);
  }

  async #foldNow(): Promise<void> {
    if (!this.#mirror.head) return;
    await this.#journal
      .fold()
      .catch((error: Error) => this.#complain(`cannot write ${this.#options.paths.state}: ${error.message}`));
  }

  #unreachable(end: End | undefined): Failure {
    const { conf } = this.#options;
    if (this.#shutOut)
      return new Failure('this machine was shut out of the network: it was disabled or deleted', {
        hint: 'ask an admin of the network to enable it; it comes back by itself then',
      });
    if (end?.kind === 'refused')
      return new Failure(`the server does not let this machine in (HTTP status ${end.status})`, {
        hint: 'it may be disabled: ask an admin of the network',
      });
    return new Failure(`the server at ${conf.server.externalEndpoint} does not answer`, {
      hint: 'tunnels to other peers stay as they are; see: innernet show',
    });
  }
}

const isExcluded = (blocks: readonly Cidr[], ip: Ip): boolean =>
  blocks.some((block) => containsIp(block, ip));
