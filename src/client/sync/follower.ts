/** Follows one network: carries out the session's effects and reports their results to it. */
import { setTimeout as pause } from 'node:timers/promises';
import { TunnelWay, type Way } from '../../caller/way.ts';
import { HostsWriter } from '../../cli/hosts-writer.ts';
import type { HostsOptions } from '../../cli/options.ts';
import { printable } from '../../domain/rejection.ts';
import { Turns } from '../../machine/turns.ts';
import { clientCan } from '../../protocol/can.ts';
import type { Conf } from '../../protocol/conf.ts';
import { candidatesFrom } from '../../protocol/local-candidates.ts';
import type { Endpoint, SocketAddress } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import type { Position } from '../../values/id.ts';
import { type Cidr, containsIp, type Ip } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { Device } from '../../wireguard/device.ts';
import { openLibc } from '../../wireguard/libc.ts';
import { localAddresses } from '../../wireguard/routes.ts';
import type { TunnelConfig } from '../../wireguard/tunnel.ts';
import { Api, CallRefused, type Proofs, proofsOf } from '../api/api.ts';
import { Poll } from '../api/poll.ts';
import { groundOf, OwnConf } from '../memory/conf-file.ts';
import { Journal } from '../memory/journal.ts';
import type { Mirror } from '../memory/mirror.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import type { NatOptions } from '../options.ts';
import { PeerRelay, type Relaying } from '../relay/peer-relay.ts';
import type { Router, Routing } from '../router/router.ts';
import { routerOf } from '../router/router-of.ts';
import { AddressWatch } from '../tunnels/address-watch.ts';
import { type ConfChange, changed } from '../tunnels/conf-change.ts';
import { DeviceKeeper } from '../tunnels/device-keeper.ts';
import { Ends, overdue } from './ends.ts';
import { FrameApplier } from './frame-applier.ts';
import { type LinkStatus, Session } from './session.ts';
import type { Goal, SessionEffect, SessionEvent, Trouble } from './session-events.ts';
import { Stream } from './stream.ts';
import { WayTeller } from './way-teller.ts';

export type FollowOptions = {
  network: InterfaceName;
  conf: Conf;
  paths: NetworkPaths;
  tunnel: TunnelConfig;
  /** Just brought up. */
  fresh?: Device | undefined;
  hosts: HostsOptions;
  nat: NatOptions;
  /** False: take no routes of the network's. */
  takesRoutes?: boolean | undefined;
  /** Seconds between polls without a live stream. */
  interval?: number | undefined;
  say: (message: string) => void;
};

/** Gathers news before writing the hosts file. */
const HOSTS_AFTER_MS = 50;
/** For the server's handshake, in one attempt. */
const HANDSHAKE_WITHIN_MS = 5000;
/** For a late server, including repeats of lost packets. */
const ANSWERED_WITHIN_MS = 4000;
/** To be level with the server; also for the answer of another process that owns the network. */
export const MAX_SYNCHRONISE_MS = 15_000;
/** As in innernet 2.0. */
const POLL_EVERY_SECONDS = 60;

/** For the program of another peer, in one attempt. */
const PONG_WITHIN_MS = 3000;

/** `ms`: there and back, without an answer null. */
export type Pinged = { name: string; ip: Ip; ms: number | null };

type Finish = (failure: Failure | undefined) => void;

export class Follower {
  readonly #options: FollowOptions;
  readonly #conf: OwnConf;
  readonly #keeper: DeviceKeeper;
  readonly #mirror: Mirror;
  readonly #session: Session;
  readonly #way: Way;
  readonly #proofs: Proofs;
  readonly #api: Api;
  readonly #poll: Poll;
  readonly #applier: FrameApplier;
  readonly #ends: Ends;
  readonly #wayTeller: WayTeller;
  readonly #relay: PeerRelay;
  readonly #router: Router;
  readonly #hosts: HostsWriter;
  readonly #turns = new Turns();
  #watch: AddressWatch | undefined;
  #isStopped = false;
  #finish: Finish = () => {};
  #resting: NodeJS.Timeout | undefined;
  #stream: Stream | undefined;
  /** The stream's device number. */
  #device = 0;
  #prefetched: ReturnType<Api['snapshot']> | undefined;

  private constructor(
    options: FollowOptions,
    {
      conf,
      journal,
      keeper,
      proofs,
      router,
    }: { conf: OwnConf; journal: Journal; keeper: DeviceKeeper; proofs: Proofs; router: Router },
  ) {
    const { paths, network, hosts, interval = POLL_EVERY_SECONDS, say } = options;
    const { mirror } = journal.kept;
    const { internalEndpoint, publicKey } = conf.now.server;
    this.#options = options;
    this.#conf = conf;
    this.#keeper = keeper;
    this.#mirror = mirror;
    this.#proofs = proofs;
    this.#router = router;
    this.#way = new TunnelWay(network, mirror.ground.own.publicKey);
    this.#api = new Api(internalEndpoint, publicKey, this.#way, proofs);
    this.#poll = new Poll(this.#api);
    const tell = ({ message }: Error) => say(message);
    this.#hosts = new HostsWriter(network, hosts, () => mirror.peers(), tell);
    const onChange = () => {
      this.#writeHostsSoon();
      this.#ends.look();
    };
    this.#applier = new FrameApplier({ journal, keeper, paths, turns: this.#turns, onChange, say });
    this.#ends = new Ends({ mirror, turns: this.#turns, applier: this.#applier, say });
    this.#wayTeller = new WayTeller(
      () => (options.nat.tellWays ? Object.values(keeper.standing()) : []),
      (frame) => this.#stream?.send(frame),
    );
    this.#relay = new PeerRelay({
      ...{ network, paths, say },
      consents: () => conf.now.relayPort,
      send: (frame) => this.#stream?.send(frame),
      onOpen: () => void keeper.ways.look(),
    });
    keeper.isAsked = () => this.#relay.isOpen || router.isOffering;
    keeper.ways.indexOf = (peer, other) => this.#relay.indexOf(peer, other);
    this.#session = new Session({
      mirror,
      trust: proofs.trust,
      serverEndpoint: () => conf.now.server.externalEndpoint,
      pollEvery: interval,
      canLimit: () => keeper.limits.works,
      random: Math.random,
    });
    keeper.onCompared = () => void this.#onCompared();
    keeper.ways.onAsk = (peer) => this.#stream?.send({ kind: 'indices-of', peer });
    keeper.ways.onNoStream = () => void this.#take({ kind: 'noStream' });
    keeper.onLimits = () => void this.#take({ kind: 'unfit', loss: 'otherAbilities' });
    keeper.onMet = () => this.#applier.foldSoon();
    keeper.onOffers = () => this.#applier.foldSoon();
  }

  /** Recovers the state and brings up all tunnels; those of peers need no server. */
  static async start(options: FollowOptions): Promise<Follower> {
    const { paths, tunnel, fresh, nat, say } = options;
    const conf = new OwnConf(paths.conf, options.conf);
    const proofs = await proofsOf(options.conf, paths);
    const journal = await Journal.open(paths, groundOf(options.conf));
    try {
      const { kept } = journal;
      const { networkId, position, hash } = options.conf.server;
      if (!kept.mirror.head && networkId && position !== undefined && hash)
        kept.mirror.head = { networkId, position, hash };
      const over = overdue(kept.mirror);
      if (over) {
        kept.mirror.take(over);
        await journal.append(over);
      }
      const { natTraversal } = nat;
      const router = routerOf(options, conf, kept.mirror);
      const carrying = () => router.carrying;
      const { takesRoutes } = options;
      const keeper = await DeviceKeeper.start({
        ...{ conf, kept, tunnel, fresh, natTraversal, takesRoutes, carrying, say },
        exitJournal: paths.exit,
      });
      router.renew = () => keeper.limits.renew();
      return new Follower(options, { conf, journal, keeper, proofs, router });
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

  get relaying(): Relaying {
    return this.#relay.state;
  }

  get routing(): Routing {
    return this.#router.state;
  }

  get status(): LinkStatus {
    return this.#session.status;
  }

  /** Follows until `stop`, waiting for an absent server. */
  async follow(): Promise<void> {
    this.#writeHostsSoon();
    void this.#keeper.hold();
    void this.#relay.start();
    void this.#router.start();
    this.#watch = new AddressWatch({
      addresses: () => localAddresses(this.#options.tunnel.name),
      server: () => this.#keeper.serverAddress,
      device: async () => openLibc().deviceIndex(this.#options.tunnel.name),
      onDevice: () => this.#keeper.compareSoon(),
      onChange: ({ moved }) => {
        void this.#keeper.routes.look();
        void this.#take({ kind: 'addresses', moved });
      },
    });
    await this.#pursue({ kind: 'follow' });
  }

  /** Syncs once and meets reachable peers. Throws a `Failure` without the server. */
  async synchronise(): Promise<void> {
    const patience = setTimeout(() => void this.#take({ kind: 'unfit', loss: 'slow' }), MAX_SYNCHRONISE_MS);
    const failure = await this.#pursue({ kind: 'level', deadline: performance.now() + MAX_SYNCHRONISE_MS });
    clearTimeout(patience);
    if (failure) throw failure;
    return this.#keeper.greeted();
  }

  /** Makes sure that the client is level. Throws a `Failure` when not connected. */
  async refresh(): Promise<LinkStatus> {
    if (this.status.polled) {
      if (!(await this.#askState())) throw this.#session.unreachable();
      return this.status;
    }
    const level = this.status.connected ? this.#stream?.level().then(() => true) : undefined;
    const patience = new AbortController();
    const late = pause(MAX_SYNCHRONISE_MS, false, { signal: patience.signal }).catch(() => false);
    const isLevel = level !== undefined && (await Promise.race([level, late]));
    patience.abort();
    if (!isLevel) throw this.#session.unreachable();
    await this.#turns.take(async () => {});
    return this.status;
  }

  /** The network goes down: others are told. */
  retire(): void {
    this.#router.retire();
  }

  /** Saves everything; the tunnels stay. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch?.close();
    clearTimeout(this.#resting);
    await this.#take({ kind: 'stop' });
    this.#finish(undefined);
    await this.#relay.close();
    await this.#router.close();
    await this.#keeper.close();
    this.#api.close();
    this.#ends.close();
    this.#wayTeller.close();
    await this.#turns.take(async () => {
      await this.#hosts.close();
      await this.#applier.close();
    });
  }

  /** `peer`: name or address. Throws a `Failure` for an unknown one. */
  async ping(peer: string): Promise<Pinged> {
    const row = [...this.#mirror.tunnels()].find(({ name, ip }) => name === peer || ip === peer);
    if (!row)
      throw new Failure(`there is no peer "${printable(peer)}" here`, {
        hint: `see who is: innernet show ${this.#options.network}`,
      });
    const { name, ip } = row;
    return { name, ip, ms: (await this.#keeper.ways.ping(ip, PONG_WITHIN_MS)) ?? null };
  }

  /** `peer`: name or address; what the pin held back comes in. */
  forgetPin(peer: string): Promise<number> {
    return this.#turns.take(async () => {
      const pins = [...this.#mirror.pins.all()].filter(({ name, ip }) => name === peer || ip === peer);
      if (pins.length > 0) await this.#applier.commit(this.#mirror.judgeForgetting(pins));
      return pins.length;
    });
  }

  /** Acknowledges a restored backup, if any. */
  acknowledge(): Promise<boolean> {
    return this.#turns.take(async () => {
      const { notice } = this.#mirror;
      if (notice) await this.#applier.commit(this.#mirror.judgeAcknowledgement());
      return notice !== null;
    });
  }

  /** Acknowledges an older server. Returns whether that was needed. */
  acknowledgeOlder(): Promise<boolean> {
    return this.#turns.take(async () => {
      const wasDoubted = await this.#proofs.trust.acknowledge();
      await this.#take({ kind: 'acknowledged' });
      return wasDoubted;
    });
  }

  /** Changes the device, then the file. Throws a `Failure` and changes nothing. */
  changeConf(change: ConfChange): Promise<void> {
    return this.#turns.take(async () => {
      const after = (conf: Conf) => changed(conf, change);
      await this.#conf.change(after, (conf) => this.#keeper.adopt(change, conf));
      if (change.what === 'relayPort') await this.#relay.consent();
      if (change.what === 'offers') await this.#router.consent();
      if (change.what === 'exit') await this.#keeper.useExit();
      // The server knows candidates with the old port; the next welcome sends new ones.
      if (change.what === 'listenPort') await this.#take({ kind: 'unfit', loss: 'otherPort' });
    });
  }

  /** Resolves to the reason if the goal cannot be reached. */
  #pursue(goal: Goal): Promise<Failure | undefined> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      void this.#take({ kind: 'start', goal });
    });
  }

  #takeInTurn(event: SessionEvent): Promise<boolean> {
    return this.#turns.take(() => this.#take(event));
  }

  /** Whether all effects could be carried out. */
  async #take(event: SessionEvent): Promise<boolean> {
    try {
      await this.#follow(event);
      return true;
    } catch (error) {
      await this.#follow({ kind: 'untaken', ...troubleOf(error) });
      return false;
    }
  }

  async #follow(event: SessionEvent): Promise<void> {
    for (const effect of this.#session.on(event, performance.now())) await this.#carryOut(effect);
  }

  /** Slow effects that report to the session are not awaited. */
  #carryOut(effect: SessionEffect): Promise<void> | void {
    switch (effect.do) {
      case 'say':
        return this.#options.say(effect.message);
      case 'complain':
        return this.#applier.complain(effect.message);
      case 'relieve':
        return this.#applier.relieve();
      case 'reach':
        return void this.#reach(effect.isTrusted);
      case 'open':
        return void this.#open(effect);
      case 'cut':
        return this.#stream?.cut(effect.loss);
      case 'probe':
        return this.#stream?.probe();
      case 'greet':
        return this.#greet();
      case 'hearClock':
        return this.#ends.hear(effect.told) ? this.#follow({ kind: 'clockSetBack' }) : undefined;
      case 'tell':
        return this.#tell();
      case 'believe':
        return this.#proofs.trust.proved().then(() => {});
      case 'doubt':
        return this.#proofs.trust.raise(effect.doubt).then(() => {});
      case 'commit':
        return this.#applier.commit(effect.effect, effect.joined);
      case 'fetch':
        return this.#fetch(effect.least);
      case 'observe':
        return this.#keeper.observe(effect.observations);
      case 'relays':
        return this.#keeper.relays(effect.changed, effect.removed, effect.isWhole);
      case 'indices':
        return this.#keeper.indices(effect.indices);
      case 'greetAsRelay':
        return this.#relay.greet();
      case 'relay':
        return this.#relay.hear(effect.duty);
      case 'endRelay':
        return this.#relay.end();
      case 'greetAsRouter': {
        const stream = this.#stream;
        return this.#router.greet((frame) => stream?.send(frame));
      }
      case 'carry':
        return this.#router.hear(effect.carry);
      case 'endRouter':
        return this.#router.end();
      case 'tellWays':
        return this.#wayTeller.begin(effect.seconds);
      case 'askCapabilities':
        return void this.#askCapabilities();
      case 'askState':
        return void this.#askState();
      case 'report':
        return this.#report();
      case 'rest':
        return this.#rest(effect.milliseconds);
      case 'knock':
        return void this.#keeper.reachServer(0).catch(() => undefined); // said where it is tried in earnest
      case 'lookForHandshake':
        return void this.#lookForHandshake(effect.since);
      case 'repairDevice':
        return this.#keeper.compareSoon();
      case 'guardRange':
        return void this.#keeper.guard();
      case 'move':
        return this.#keeper.moved();
      case 'finish':
        return this.#finish(effect.failure);
      default:
        return effect satisfies never;
    }
  }

  async #reach(isTrusted: boolean): Promise<void> {
    clearTimeout(this.#resting);
    let reached: Endpoint | undefined;
    try {
      if (!isTrusted || !(await this.#keeper.hasServer()))
        reached = await this.#keeper.reachServer(HANDSHAKE_WITHIN_MS);
      if (reached) await this.#noteEndpoint(reached);
    } catch (error) {
      this.#options.say((error as Error).message);
    }
    await this.#takeInTurn({ kind: 'reached', isNew: reached !== undefined });
  }

  /** Saves a new endpoint once the server has answered there. */
  async #noteEndpoint(externalEndpoint: Endpoint): Promise<void> {
    if (this.#conf.now.server.externalEndpoint === externalEndpoint) return;
    await this.#conf.change((conf) => ({ ...conf, server: { ...conf.server, externalEndpoint } }));
    this.#options.say(`the server has moved to ${externalEndpoint}`);
  }

  async #open({ query, patience, isNewcomer }: SessionEffect & { do: 'open' }): Promise<void> {
    const passage = await this.#way.open().catch((error: Error) => error);
    if (passage instanceof Error) {
      const failure = passage instanceof Failure ? passage : new Failure(passage.message, { cause: passage });
      await this.#takeInTurn({ kind: 'noWay', failure });
      return;
    }
    // A newcomer fetches everything while the stream opens.
    this.#prefetched = isNewcomer ? this.#snapshot() : undefined;
    this.#prefetched?.catch(() => {});
    const { internalEndpoint, publicKey } = this.#conf.now.server;
    const server = { endpoint: internalEndpoint, key: publicKey };
    const { prover } = this.#proofs;
    const stream: Stream = new Stream(
      { server, connect: passage.connect, query, patience, prover },
      {
        opened: (isProved) => void this.#takeInTurn({ kind: 'opened', isProved }),
        frame: async (frame) => {
          this.#session.hears(Date.now());
          await this.#takeInTurn({ kind: 'frame', frame });
        },
        unknown: (frameKind) => void this.#takeInTurn({ kind: 'unknown', frameKind }),
        late: () => void this.#onLate(stream),
        end: (end) => void this.#takeInTurn({ kind: 'ended', end }),
      },
    );
    this.#stream = stream;
    this.#device = passage.device;
    if (this.#isStopped) stream.cut('stopping');
  }

  #greet(): void {
    const stream = this.#stream;
    if (!stream) return;
    const endpoints = this.#candidates();
    if (endpoints) stream.send({ kind: 'candidates', endpoints });
    this.#keeper.contacts.roundTrip = stream.roundTrip;
    this.#keeper.meetings.paths.roundTrip = stream.roundTrip;
    this.#keeper.contacts.serverClock = stream.serverClock;
    void stream.level().then(() => this.#takeInTurn({ kind: 'level' }));
  }

  #tell(): void {
    const position = this.#mirror.head?.position ?? 0;
    this.#stream?.send({ kind: 'applied', position, held: this.#mirror.heldCount });
  }

  #snapshot(): ReturnType<Api['snapshot']> {
    return this.#api.snapshot(this.#mirror.head, clientCan(this.#keeper.limits.works));
  }

  async #fetch(least: Position): Promise<void> {
    const prefetched = await this.#prefetched?.catch(() => undefined);
    this.#prefetched = undefined;
    const isRecent = prefetched && prefetched.snapshot.position >= least;
    const fetched = isRecent ? prefetched : await this.#snapshot();
    await this.#follow({ kind: 'snapshot', ...fetched });
  }

  /** A busy server's kernel still answers a ping: if nothing arrives, the server may have moved. */
  async #onLate(stream: Stream): Promise<void> {
    try {
      const before = await this.#keeper.heardOfServer();
      stream.ask();
      await pause(ANSWERED_WITHIN_MS, undefined, { ref: false });
      if (this.#stream !== stream || !stream.isLate) return;
      if ((await this.#keeper.heardOfServer()) === before)
        await this.#take({ kind: 'unfit', loss: 'silent' });
    } catch {
      // Another part repairs the device; the stream ends when more is overdue.
    }
  }

  async #askCapabilities(): Promise<void> {
    const hasStream = await this.#poll.hasStream();
    await this.#takeInTurn({ kind: 'capabilities', hasStream });
  }

  async #askState(): Promise<boolean> {
    try {
      const state = await this.#poll.state();
      return await this.#takeInTurn({ kind: 'state', state, heardAt: Date.now() });
    } catch (error) {
      await this.#takeInTurn({ kind: 'unanswered', ...troubleOf(error) });
      return false;
    }
  }

  async #report(): Promise<void> {
    await this.#poll.report(this.#candidates() ?? []);
    await this.#follow({ kind: 'reported' });
  }

  #rest(milliseconds: number): void {
    clearTimeout(this.#resting);
    if (this.#isStopped) return;
    this.#resting = setTimeout(() => void this.#takeInTurn({ kind: 'rested' }), milliseconds);
  }

  async #lookForHandshake(since: number): Promise<void> {
    const isThere = await this.#keeper.hasServer(since).catch(() => false);
    await this.#takeInTurn({ kind: 'handshake', isThere });
  }

  /** A recreated device does not carry old connections. */
  async #onCompared(): Promise<void> {
    const passage = await this.#way.open().catch(() => undefined);
    if (passage && passage.device !== this.#device) await this.#take({ kind: 'unfit', loss: 'otherDevice' });
  }

  /** Undefined: announce none. */
  #candidates(): SocketAddress[] | undefined {
    const { nat, tunnel } = this.#options;
    const port = this.#keeper.listenPort;
    if (!nat.natTraversal || !nat.natCandidates || port === 0) return undefined;
    const addresses = localAddresses(tunnel.name).filter(
      ({ ip }) => !isExcluded(nat.excludeNatCandidates, ip),
    );
    return candidatesFrom(addresses, port, tunnel.network);
  }

  #writeHostsSoon(): void {
    if (!this.#isStopped) this.#hosts.soon(HOSTS_AFTER_MS);
  }
}

const troubleOf = (error: unknown): Trouble => ({
  message: (error as Error).message,
  status: error instanceof CallRefused ? error.status : undefined,
});

const isExcluded = (blocks: readonly Cidr[], ip: Ip): boolean =>
  blocks.some((block) => containsIp(block, ip));
