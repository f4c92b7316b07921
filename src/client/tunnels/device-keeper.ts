/** Keeps this machine's WireGuard device equal to the mirror, with a whole comparison now and then. */
import { lookup } from 'node:dns/promises';
import { isPlain } from '../../domain/peer.ts';
import type { Carrying } from '../../filter/carried.ts';
import type { Conf } from '../../protocol/conf.ts';
import type { Indices, RelayRow } from '../../protocol/frames.ts';
import type { Observation, PeerRow } from '../../protocol/rows.ts';
import { type Endpoint, hostOf, isUnspecified, SocketAddress } from '../../values/endpoint.ts';
import { type PeerId, SERVER_PEER } from '../../values/id.ts';
import { familyOf, type Ip, singleton } from '../../values/ip.ts';
import { type Device, type DeviceState, isLive, type PeerConfig, type Step } from '../../wireguard/device.ts';
import { EXIT_MARK } from '../../wireguard/exit-routing.ts';
import { plan } from '../../wireguard/plan.ts';
import { type OpenedDevice, Reconciler } from '../../wireguard/reconciler.ts';
import { localAddresses } from '../../wireguard/routes.ts';
import { bringUp, type TunnelConfig } from '../../wireguard/tunnel.ts';
import type { OwnConf } from '../memory/conf-file.ts';
import { type Changes, type Mirror, serverRow } from '../memory/mirror.ts';
import { isOwn } from '../memory/pins.ts';
import type { Kept } from '../memory/state-file.ts';
import { type ConfChange, putOn } from './conf-change.ts';
import { Contacts, type Newcomer } from './contacts.ts';
import { Exit } from './exit.ts';
import { FadingPackets } from './fading-packets.ts';
import { GuardedRange } from './guarded-range.ts';
import { InboundLimits } from './inbound-limits.ts';
import { LookUps } from './look-ups.ts';
import { Mailboxes, type RelayState } from './mailboxes.ts';
import { Meetings, type PairFacts } from './meetings.ts';
import { isOwnPublic } from './own-public.ts';
import { type PathReport, Paths, type RelayPlace } from './paths.ts';
import { Places } from './places.ts';
import { addressesOf, reachServer, serverConfig } from './server-peer.ts';
import { SessionTimes } from './session-times.ts';
import { TakenRoutes } from './taken-routes.ts';
import { hopelessReason, type Unreached, unreachedReason } from './unreached.ts';
import { newToken, Ways } from './ways.ts';

const REPAIR_AFTER_MS = 5000;
/** An ending program waits this long for handshakes under way. */
const GREETING_MS = 1000;
const GREETING_LOOK_MS = 10;
/** Silence since the last answer: time for two tries. An absent peer delays nothing. */
const GREETING_QUIET = { milliseconds: 200, roundTrips: 4 };
/** With more peers, an ending program does not wait. */
const MAX_GREETED_PEERS = 500;

/** How packets to a peer go. */
export type WayReport = {
  id: PeerId;
  way: 'direct' | 'relayed';
  relay: PeerId | null;
  /** Why not direct, in one sentence. */
  reason: string | null;
  /** ISO 8601, UTC; null: unknown. */
  since: string | null;
  roundTripMs: number | null;
};

export type KeeperOptions = {
  conf: OwnConf;
  kept: Kept;
  tunnel: TunnelConfig;
  /** The tunnel of a machine that just joins. */
  fresh?: Device | undefined;
  /** False: ignore other peers' candidates. */
  natTraversal: boolean;
  /** What this machine passes on as a router. */
  carrying?: () => Carrying | undefined;
  /** See `Exit`. */
  exitJournal: string;
  /** False: take no routes of the network's. */
  takesRoutes?: boolean | undefined;
  say: (message: string) => void;
};

export class DeviceKeeper {
  readonly contacts: Contacts;
  readonly meetings: Meetings;
  readonly ways: Ways;
  readonly limits: InboundLimits;
  readonly routes: TakenRoutes;
  readonly #exit: Exit;
  /** Called when nftables begins or ceases to work. */
  onLimits: () => void = () => {};
  /** Called when a pair is met for the first time. */
  onMet: () => void = () => {};
  /** Whether others ask through the tunnel if this machine is there, since they need it for more than itself. */
  isAsked: () => boolean = () => false;
  /** Called when routers' machines say something else. */
  onOffers: () => void = () => {};
  /** Called when the device matches; it may have been recreated. */
  onCompared: () => void = () => {};
  readonly #options: KeeperOptions;
  readonly #reconciler: Reconciler;
  readonly #mirror: Mirror;
  readonly #places: Places;
  readonly #mailboxes: Mailboxes;
  readonly #lookUps = new LookUps(
    (name) => lookup(name, { all: true }),
    () => performance.now(),
  );
  readonly #range: GuardedRange;
  readonly #fading = new FadingPackets();
  readonly #times = new SessionTimes({ now: performance.now(), wall: Date.now() });
  #isKept = false;
  #isAdopted = false;
  #isClosed = false;

  private constructor(options: KeeperOptions, device: Device) {
    const { conf, kept, tunnel, say } = options;
    this.#options = options;
    this.#mirror = kept.mirror;
    this.#range = new GuardedRange(tunnel, conf.now, say);
    this.limits = new InboundLimits({
      network: tunnel.name,
      mirror: this.#mirror,
      carrying: options.carrying ?? (() => undefined),
      exits: () => this.exits,
      onChange: () => this.#onLimits(),
      say,
    });
    this.#places = new Places(conf.now.peerEndpointOverrides, kept.endpoints);
    const fade = (place: SocketAddress) => void this.#fading.send(this.listenPort, place);
    const { own } = this.#mirror.ground;
    this.contacts = new Contacts(own.publicKey, fade);
    this.meetings = new Meetings(this.contacts, new Paths(own.publicKey, newToken));
    this.#mailboxes = new Mailboxes(kept.relays);
    this.ways = new Ways({
      network: tunnel.name,
      own: own.ip,
      server: this.#mirror.ground.server.ip,
      meetings: this.meetings,
      change: (steps) => this.#reconciler.change(steps),
      listenPort: () => this.listenPort,
      peerWith: (key) => this.#mirror.peerWithKey(key),
      peerAt: (ip) => this.#peerAt(ip),
      peerOf: (id) => this.#mirror.peer(id),
      wall: (now) => this.#times.wall(now),
    });
    this.routes = this.#takenRoutes();
    this.#exit = new Exit({
      ...{ network: tunnel.name, journal: options.exitJournal, say },
      family: familyOf(this.#mirror.ground.range),
      isOn: () => this.exits,
    });
    this.#reconciler = new Reconciler(device, {
      open: () => this.#open(),
      onRead: (state) => this.#remember(state),
      stepsToWanted: (state) => this.#stepsToWanted(state),
      stepsAfterLook: (state) => this.#stepsAfterLook(state),
      completed: (steps) => this.routes.completed(steps),
      nextLookAt: () => Math.min(this.meetings.nextDue, this.routes.nextDue),
      peerCount: () => this.meetings.size,
      repairAfterMs: REPAIR_AFTER_MS,
      onCompared: () => {
        if (this.#mailboxes.size > 0 || this.isAsked()) void this.ways.look();
        else if (this.#isKept) this.ways.listen();
        void this.limits.look();
        void this.routes.route();
        void this.#exit.keep();
        void this.routes.look();
        this.onCompared();
      },
      onTrouble: (trouble, { message }) =>
        say(trouble === 'change' ? `${message}; it is looked after in a moment` : message),
    });
  }

  /** Brings up or adopts the tunnel and matches it to the mirror. Throws a `Failure`. */
  static async start(options: KeeperOptions): Promise<DeviceKeeper> {
    const { fresh, tunnel, say } = options;
    const opened = fresh ? { device: fresh, state: await fresh.read() } : await bringUp(tunnel, say);
    const keeper = new DeviceKeeper(options, opened.device);
    const limits = keeper.limits.start();
    if (!options.kept.mirror.limits().next().done) await limits;
    await keeper.routes.start();
    await Promise.all([limits, keeper.guard(), keeper.#reconciler.compare(opened)]);
    await keeper.#exit.keep();
    return keeper;
  }

  get device(): Device {
    return this.#reconciler.device;
  }

  /** Whether all that has no nearer way leaves by an exit of the network, or not at all. */
  get exits(): boolean {
    const { conf, tunnel, takesRoutes = true } = this.#options;
    return conf.now.exit !== undefined && takesRoutes && tunnel.routing !== false;
  }

  /** The conf names another exit, or none. The mark comes before the rules and goes after them: WireGuard's own packets must not go through its tunnel. */
  async useExit(): Promise<void> {
    if (!this.exits) await this.#exit.keep();
    else await this.limits.renew();
    await this.#reconciler.change(() => [
      ...this.#markSteps(this.#reconciler.state),
      ...this.routes.decide(performance.now()),
    ]);
    if (this.exits) await this.#exit.keep();
    else await this.limits.renew();
  }

  /** A mark that others have set stays. */
  #markSteps(has: DeviceState | undefined): Step[] {
    const fwmark = this.exits ? EXIT_MARK : 0;
    const isOther = this.exits ? has?.fwmark !== EXIT_MARK : has?.fwmark === EXIT_MARK;
    return isOther ? [{ kind: 'fwmark', fwmark }] : [];
  }

  get listenPort(): number {
    return this.#reconciler.state?.listenPort ?? 0;
  }

  get serverAddress(): SocketAddress | undefined {
    return this.#reconciler.state?.peers.get(this.#mirror.ground.server.publicKey)?.endpoint;
  }

  /** A failing device is repaired later. `joined`: peers that just joined. */
  async apply(changes: Changes, joined: readonly PeerId[] = []): Promise<void> {
    await this.limits.tighten();
    await this.#applyToDevice(changes, joined);
    await this.routes.follow();
    await this.limits.settle();
  }

  #applyToDevice({ added, removed, changed }: Changes, joined: readonly PeerId[]): Promise<void> {
    return this.#reconciler.change(() => {
      const now = performance.now();
      const newcomers = new Set(joined);
      const steps = removed.flatMap(({ publicKey }) => this.ways.stepsOf(this.meetings.remove(publicKey)));
      for (const { id } of removed) {
        this.#places.forget(id);
        this.routes.forget(id);
      }
      for (const row of added)
        if (this.#isTunnel(row))
          steps.push(...this.#introduce(row, now, newcomers.has(row.id) ? 'other' : undefined));
      for (const { after } of changed) steps.push(...this.#learn(after, now));
      if ([...added, ...removed].some(isPlain)) steps.push(this.#carry());
      return [...steps, ...this.routes.decide(now)];
    });
  }

  observe(observations: readonly Observation[]): Promise<void> {
    let hasOffers = false;
    return this.#reconciler.change(() => {
      const now = performance.now();
      const steps: Step[] = [];
      for (const observation of observations) {
        const row = this.#mirror.peer(observation.id);
        if (!row || this.#mirror.isHeld(row.id)) continue;
        if (this.routes.hear(observation)) hasOffers = true;
        const before = this.#places.seen(row.id);
        const isNews = this.#places.see(
          this.#options.natTraversal ? observation : { ...observation, candidates: [] },
        );
        if (isOwn(this.#mirror.ground, row)) {
          this.#onOwnPlace(observation.endpoint);
          if (isNews) this.contacts.renew(now);
          if (this.#places.isAt(row.id))
            for (const other of this.#mirror.tunnels()) steps.push(...this.#learn(other, now));
        }
        steps.push(...this.#learn(row, now, isElsewhere(before, observation)));
      }
      if (!hasOffers) return steps;
      this.onOffers();
      return [...steps, ...this.routes.decide(now)];
    });
  }

  /** What the server says of relays; `isWhole`: others are none. */
  async relays(changed: readonly RelayRow[], removed: readonly PeerId[], isWhole: boolean): Promise<void> {
    const { relays } = this.#options.kept;
    const named = new Set(changed.map(({ id }) => id));
    const gone = isWhole ? [...relays.keys()].filter((id) => !named.has(id)) : removed;
    if (gone.length + changed.length === 0) return;
    if (changed.length > 0) await this.ways.look();
    await this.#reconciler.change(() => {
      const now = performance.now();
      const steps = this.#mailboxes.take(changed, gone, this.serverAddress);
      for (const row of this.#mirror.tunnels()) steps.push(...this.#learn(row, now));
      return steps;
    });
  }

  indices({ peer, mine }: Indices): void {
    const row = this.#mirror.peer(peer);
    if (row) this.ways.indices(row.publicKey, SERVER_PEER, mine);
  }

  /** The server's view tells whether there is a router in front. */
  #onOwnPlace(endpoint: SocketAddress | null): void {
    const isOpen = endpoint !== null && isOwnPublic(endpoint, localAddresses(this.#options.tunnel.name));
    if (isOpen === this.contacts.isOpen) return;
    this.contacts.isOpen = isOpen;
    this.#mailboxes.isNeeded = !isOpen;
    // Behind a router each tunnel needs its keepalive now, and relays need a mailbox.
    if (!isOpen || this.#mailboxes.size > 0) this.#reconciler.compareIn(0);
  }

  /** Tries handshakes for at most `milliseconds`. Resolves to the endpoint that answered. */
  async reachServer(milliseconds: number): Promise<Endpoint | undefined> {
    const places = await this.#serverPlaces();
    if (places.length === 0) return undefined;
    const addresses = places.map(({ address }) => address);
    const peer = await reachServer(this.device, this.#server, addresses, milliseconds);
    return peer && (places.find(({ address }) => address === peer.endpoint)?.endpoint ?? places[0]?.endpoint);
  }

  /** Whether a live session's handshake came after `since`, in ms of the monotonic clock. */
  async hasServer(since?: number): Promise<boolean> {
    const peer = (await this.#reconciler.read()).peers.get(this.#mirror.ground.server.publicKey);
    if (peer === undefined || !isLive(peer, this.#times.wall(performance.now()))) return false;
    return since === undefined || (peer.latestHandshake ?? 0) > this.#times.wall(since);
  }

  /** Bytes from the server, as a sign of life. */
  async heardOfServer(): Promise<number> {
    return (await this.#reconciler.read()).peers.get(this.#mirror.ground.server.publicKey)?.rxBytes ?? 0;
  }

  /** Throws the device's error and changes nothing. */
  adopt(change: ConfChange, after: Conf): Promise<void> {
    return this.#reconciler.take(async (device) => {
      await putOn(device, change, this.#mirror);
      this.#places.insist(after.peerEndpointOverrides);
      if (change.what === 'listenPort') await this.#reconciler.read();
    });
  }

  /** Meets all peers again, at their likeliest place first. */
  moved(): Promise<void> {
    return this.#reconciler.change(() => {
      const now = performance.now();
      const actions = this.meetings.move(now, this.#times.wall(now));
      return [...this.#mailboxes.again(), ...this.ways.stepsOf(actions)];
    });
  }

  /** Reasons and likeliest places of unreached peers, by network address. */
  unreached(): Record<string, Unreached> {
    const own = this.#mirror.peerWithKey(this.#mirror.ground.own.publicKey);
    const unreached: Record<string, Unreached> = {};
    for (const row of this.#mirror.tunnels()) {
      if (!this.contacts.isUnreached(row.publicKey)) continue;
      const places = this.#places.of(row);
      const ends = { own: own && this.#places.seen(own.id), peer: this.#places.seen(row.id) };
      const reason = unreachedReason({ ...ends, listenPort: this.listenPort, places });
      unreached[row.ip] = { reason, endpoint: places[0] };
    }
    return unreached;
  }

  /** Of pairs whose tunnel stands, and of those that wait at a relay for traffic; by network address. */
  standing(): Record<string, WayReport> {
    const wall = this.#times.wall(performance.now());
    const reports: Record<string, WayReport> = {};
    for (const row of this.#mirror.tunnels()) {
      const report = this.meetings.paths.report(row.publicKey);
      const has = this.#reconciler.state?.peers.get(row.publicKey);
      if (report) reports[row.ip] = this.#wayReport(row, report);
      else if (has?.endpoint && isLive(has, wall)) {
        const relay = this.#mailboxes.relayAt(has.endpoint);
        const way = relay === undefined ? 'direct' : 'relayed';
        reports[row.ip] = {
          id: row.id,
          way,
          relay: relay ?? null,
          reason: null,
          since: null,
          roundTripMs: null,
        };
      }
    }
    return reports;
  }

  /** Whether the relays hear this machine, by the server's word. */
  relayStates(): RelayState[] {
    const own = this.#mirror.peerWithKey(this.#mirror.ground.own.publicKey);
    return this.#mailboxes.states((own && this.#places.seen(own.id)?.via) ?? []);
  }

  #wayReport({ id }: PeerRow, { way, relay, reason, since, roundTrip }: PathReport): WayReport {
    return {
      ...{ id, way, relay: relay ?? null, reason: reason ?? null },
      since: new Date(this.#times.wall(since)).toISOString(),
      roundTripMs: roundTrip === undefined ? null : Math.round(roundTrip),
    };
  }

  /** Call it after a device problem. */
  compareSoon(): void {
    this.#reconciler.compareIn(0);
  }

  /** Blocks routes that lead network addresses elsewhere. */
  async guard(): Promise<void> {
    await this.#range.look();
  }

  /** From now on a lost device is recreated, nothing leaves by another, and the server can say that it knows no stream. */
  hold(): Promise<void> {
    this.#isKept = true;
    this.ways.listen();
    return this.#range.hold();
  }

  /** Waits for peers that this side starts with, until a silence: WireGuard's retry takes five seconds. */
  async greeted(): Promise<void> {
    const { contacts, meetings } = this;
    const quiet = Math.max(GREETING_QUIET.milliseconds, GREETING_QUIET.roundTrips * contacts.roundTrip);
    const end = performance.now() + GREETING_MS;
    let [apart, deadline] = [meetings.meeting, performance.now() + quiet];
    while (
      meetings.isGreeting &&
      meetings.size <= MAX_GREETED_PEERS &&
      performance.now() < Math.min(end, deadline)
    ) {
      await this.#reconciler.look();
      if (meetings.meeting < apart) deadline = performance.now() + quiet;
      apart = meetings.meeting;
      await new Promise((resolve) => setTimeout(resolve, GREETING_LOOK_MS));
    }
  }

  /** Leaves the tunnels as they are. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.ways.close();
    await this.#reconciler.close(() => this.contacts.close(performance.now()));
    await this.#fading.close();
    await this.limits.close();
    await this.#range.close();
  }

  async #open(): Promise<OpenedDevice> {
    const opened = await bringUp(this.#options.tunnel, this.#options.say);
    await this.guard();
    return opened;
  }

  #stepsToWanted(has: DeviceState): Step[] {
    const conf = this.#options.conf.now;
    const { ground } = this.#mirror;
    const now = performance.now();
    const wall = this.#times.wall(now);
    this.contacts.review(has, now, wall);
    if (!this.#isAdopted) this.routes.adopt(has);
    this.#isAdopted = true;
    const serverPlace = has.peers.get(ground.server.publicKey)?.endpoint;
    if (serverPlace) this.meetings.paths.prove(hostOf(serverPlace));
    const [rows, barred] = this.#rows();
    const present = rows.filter(({ publicKey }) => has.peers.has(publicKey));
    // Resolved later: other tunnels must not wait for an unreachable DNS.
    const endpoint = serverPlace ? undefined : SocketAddress.safeParse(conf.server.externalEndpoint).data;
    this.routes.decide(now);
    const server = { ...this.#server, endpoint };
    const wants = {
      keys: { privateKey: conf.privateKey, publicKey: ground.own.publicKey },
      listenPort: conf.listenPort,
      peers: [
        server,
        ...present.map(({ publicKey, ip }) => ({
          publicKey,
          allowedIps: [singleton(ip), ...this.routes.blocksOf(publicKey)],
        })),
      ],
    };
    const { steps } = plan(has, wants, {
      network: ground.range,
      routes: this.routes.blocks,
      now: wall,
      leave: new Set([...this.contacts.throwaways, ...this.#mailboxes.keys]),
    });
    for (const { publicKey } of barred) steps.push(...this.ways.stepsOf(this.meetings.remove(publicKey)));
    steps.push(...this.#markSteps(has), ...this.#mailboxes.missing(has, serverPlace));
    for (const row of rows) {
      const state = has.peers.get(row.publicKey);
      if (!state || !this.meetings.knows(row.publicKey))
        steps.push(
          ...this.ways.stepsOf(this.meetings.add(row, this.#factsOf(row), { now, wall, has: state })),
        );
    }
    for (const row of rows) if (!this.contacts.isMet(row.publicKey)) this.#lookUp(row);
    steps.push(...this.ways.stepsOf(this.meetings.tick(has, now, wall)), ...this.contacts.keepUp(has));
    return steps;
  }

  /** With the addresses of phones, whose packets it passes. */
  get #server(): PeerConfig {
    const phones = [...this.#mirror.phones()].filter((row) => !this.limits.bars(row));
    return serverConfig(
      this.#mirror.ground.server,
      phones.map(({ ip }) => ip),
    );
  }

  #carry(): Step {
    const { publicKey, allowedIps } = this.#server;
    return { kind: 'set', publicKey, allowedIps };
  }

  #isTunnel(row: PeerRow): boolean {
    return this.#mirror.isTunnel(row) && !this.limits.bars(row);
  }

  /** Those that have tunnels, and those that must not. */
  #rows(): [PeerRow[], PeerRow[]] {
    const rows = [...this.#mirror.tunnels()];
    return [rows.filter((row) => !this.limits.bars(row)), rows.filter((row) => this.limits.bars(row))];
  }

  #onLimits(): void {
    this.#reconciler.compareIn(0);
    this.onLimits();
  }

  async #serverPlaces(): Promise<{ endpoint: Endpoint; address: SocketAddress }[]> {
    const endpoints = new Set([
      serverRow(this.#mirror)?.endpoint,
      this.#options.conf.now.server.externalEndpoint,
    ]);
    const places: { endpoint: Endpoint; address: SocketAddress }[] = [];
    for (const endpoint of endpoints) {
      if (!endpoint) continue;
      try {
        for (const address of await addressesOf(endpoint)) places.push({ endpoint, address });
      } catch (error) {
        this.#options.say((error as Error).message);
      }
    }
    return places;
  }

  #introduce(row: PeerRow, now: number, newcomer: Newcomer | undefined): Step[] {
    const self = this.#options.fresh ? 'self' : undefined;
    const wall = this.#times.wall(now);
    const about = { now, wall, newcomer: newcomer ?? self };
    return this.ways.stepsOf(this.meetings.add(row, this.#factsOf(row), about));
  }

  #takenRoutes(): TakenRoutes {
    const { conf, kept, tunnel, takesRoutes = true, say } = this.#options;
    return new TakenRoutes({
      ...{ network: tunnel.name, mirror: this.#mirror, offers: kept.offers, say },
      accepts: () => conf.now.acceptsRoutes ?? [],
      exit: () => (this.exits ? conf.now.exit : undefined),
      takes: takesRoutes,
      routing: tunnel.routing !== false,
      state: () => this.#reconciler.state,
      hasTunnel: (row) => this.#isTunnel(row) && this.meetings.knows(row.publicKey),
      isUnreached: (key) => this.contacts.isUnreached(key),
      isMetAtRelays: (key) => this.meetings.paths.knows(key),
      hosts: () => [
        ...(this.serverAddress ? [{ what: 'the server', place: this.serverAddress }] : []),
        ...[...kept.relays.values()].flatMap(({ endpoints }) =>
          endpoints.filter((place) => !isUnspecified(place)).map((place) => ({ what: 'a relay', place })),
        ),
      ],
      ask: async (ip, patience) => (await this.ways.ping(ip, patience)) !== undefined,
      change: (steps) => this.#reconciler.change(steps),
    });
  }

  #learn(row: PeerRow, now: number, moved = false): Step[] {
    if (!this.#mirror.isTunnel(row)) return [];
    return this.ways.stepsOf(this.meetings.learn(row.publicKey, this.#factsOf(row), now, moved));
  }

  #factsOf(row: PeerRow): PairFacts {
    const seen = this.#places.seen(row.id);
    const own = this.#mirror.peerWithKey(this.#mirror.ground.own.publicKey);
    const ends = { own: own && this.#places.seen(own.id), peer: seen, listenPort: this.listenPort };
    const isOpen = this.contacts.isOpen || (seen !== undefined && isInTheOpen(seen));
    return {
      relays: this.#relaysOf(row, seen?.via ?? []),
      places: this.#placesOf(row).filter(
        (place) => !this.#mailboxes.isRelay(place) && !this.routes.leadsTo(place),
      ),
      hopeless: hopelessReason(ends),
      isBehindRouters: !isOpen && this.#places.isRelayable(row),
    };
  }

  /** A relay that carries the pair stays one while the server does not hear of it: both may be without the server. */
  #relaysOf({ publicKey }: PeerRow, via: readonly PeerId[]): readonly RelayPlace[] {
    const current = this.meetings.paths.report(publicKey)?.relay;
    const has = this.#reconciler.state?.peers.get(publicKey);
    const isLeft = current === undefined || via.includes(current);
    const carries = has !== undefined && isLive(has, this.#times.wall(performance.now()));
    if (isLeft || !(carries || via.length === 0)) return this.#mailboxes.placesOf(via);
    return this.#mailboxes.placesOf([...via, current]);
  }

  #peerAt(ip: Ip): PeerRow | undefined {
    for (const row of this.#mirror.tunnels()) if (row.ip === ip) return row;
    return undefined;
  }

  #placesOf(row: PeerRow): SocketAddress[] {
    const unresolved = this.#places.unresolved(row);
    if (unresolved) void this.#resolve(unresolved, row);
    return this.#places.of(row);
  }

  /** Repeats an old lookup: DNS may have changed. */
  #lookUp(row: PeerRow): void {
    const name = this.#places.nameOf(row);
    if (name) void this.#resolve(name, row);
  }

  async #resolve(endpoint: Endpoint, row: PeerRow): Promise<void> {
    const addresses = await this.#lookUps.addressesOf(endpoint);
    if (addresses.length === 0 || this.#isClosed) return;
    this.#places.resolved(endpoint, addresses);
    await this.#reconciler.change(() => this.#learn(row, performance.now()));
  }

  #stepsAfterLook(state: DeviceState): Step[] {
    const now = performance.now();
    const wall = this.#times.wall(now);
    return [
      ...this.ways.stepsOf(this.meetings.tick(state, now, wall)),
      ...this.routes.tick(state, now, wall),
    ];
  }

  /** Current places are the best guess for next time. */
  #remember(read: DeviceState): DeviceState {
    const state = this.#times.steady(read, { now: performance.now(), wall: Date.now() });
    const wall = this.#times.wall(performance.now());
    for (const peer of state.peers.values()) {
      if (peer.latestHandshake !== undefined && this.#mirror.pins.meet(peer.publicKey)) this.onMet();
      const row = peer.endpoint && isLive(peer, wall) ? this.#mirror.peerWithKey(peer.publicKey) : undefined;
      if (row && peer.endpoint && !this.#mailboxes.isRelay(peer.endpoint))
        this.#options.kept.endpoints.set(row.ip, peer.endpoint);
    }
    return state;
  }
}

/** The server sees it at an address that it has itself. */
const isInTheOpen = ({ endpoint, candidates }: Observation): boolean =>
  endpoint !== null &&
  isOwnPublic(
    endpoint,
    candidates.map((candidate) => ({ ip: hostOf(candidate) as Ip })),
  );

const isElsewhere = (before: Observation | undefined, { endpoint }: Observation): boolean =>
  Boolean(before?.endpoint && endpoint && hostOf(before.endpoint) !== hostOf(endpoint));
