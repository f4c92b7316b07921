/**
 * Decides by which way two peers behind routers talk, relay first and direct once a round trip proved it; no I/O.
 * A pair without a relay in common belongs to `Contacts`.
 */
import { hostOf, type SocketAddress } from '../../values/endpoint.ts';
import type { PeerId } from '../../values/id.ts';
import { singleton } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import {
  type DeviceState,
  isLive,
  KEEPALIVE_SECONDS,
  type PeerState,
  type Step,
} from '../../wireguard/device.ts';
import type { Pair } from '../memory/pins.ts';
import { Budget } from './budget.ts';
import { type Newcomer, starts } from './contacts.ts';
import type { TalkMessage, Token } from './talk-message.ts';

/** Of the starting side's handshakes by one relay; the last is the patience with it. */
const TRIES_MS = [50, 250, 700, 1500] as const;
/** With more peers in sight, traffic starts the handshake, and only pairs with traffic try the direct way. */
const MAX_AT_ONCE = 32;
const MAX_TRIED_IDLE = 64;
/** Of probes since the other's token is known, and the end of a trial. */
const PROBES_MS = [0, 100, 300, 700] as const;
const TRIAL_MS = 1000;
/** The waiting side hears `go` later. */
const GO_WITHIN_MS = 1000;
/** For an answer through the tunnel, and until the question is repeated. */
const READY_WITHIN_MS = 2000;
const ASK_AGAIN_MS = 300;
const MAX_TRIALS = 8;
const MAX_PLACES = 8;
/** After a trial that failed; the last one repeats. */
const AFTER_FAILURE_MS = [30_000, 120_000, 600_000, 3_600_000] as const;
/** After a fall: the way may heal at once. So often, then as after a failure. */
const AFTER_FALL_MS = 5000;
const TRIES_AFTER_FALL = 12;
/** So many falls within this time are followed by a rest as long. */
const MAX_FALLS = 3;
const FALLS_WITHIN_MS = 600_000;
/** Silence after own traffic: until the other's program is asked, and until the way counts as dead. */
const DOUBT_MS = 1000;
const DEAD_MS = 1500;
/** A one-way stream is answered by WireGuard's passive keepalive after 10 s. */
const DEAD_BY_WIREGUARD_MS = 12_000;
const PING_AGAIN_MS = 200;
/** Endpoints are set again for this time, or so many round trips: packets under way turn WireGuard back (ms). */
const HOLD = { direct: 300, relay: 500, roundTrips: 4, look: 20 } as const;
/** Between looks: with traffic, without, and without among many peers. */
const LOOK = { busy: 250, idle: 2000, idleOfMany: 10_000 } as const;
const BUSY_FOR_MS = 10_000;
/** An empty WireGuard packet is no traffic. */
const EMPTY_PACKET_BYTES = 32;

export type RelayPlace = { readonly id: PeerId; readonly place: SocketAddress };

export type Facts = {
  /** In common, the nearest first; never empty. */
  relays: readonly RelayPlace[];
  /** For the direct way. */
  places: readonly SocketAddress[];
  /** Why the direct way need not be tried. */
  hopeless?: string | undefined;
};

export type PathAction =
  | { do: 'step'; step: Step }
  | { do: 'tell'; peer: PublicKey; message: TalkMessage }
  /** From WireGuard's own port; an answer has the probe's number. */
  | { do: 'probe' | 'answer'; to: SocketAddress; token: Token; number: number }
  /** The relay knows the indices that `insist` needs. */
  | { do: 'ask'; peer: PublicKey }
  /** Packets by the relay that are under way shall look as if they came from `place`. */
  | { do: 'insist'; peer: PublicKey; relay: SocketAddress; place: SocketAddress }
  /** The pair is back with `Contacts`. */
  | { do: 'apart'; peer: PublicKey };

type Trial = {
  own: Token;
  other: Token | undefined;
  at: number;
  /** Since the other's token is known. */
  readyAt: number | undefined;
  probes: number;
  askedAt: number;
  /** Own probes, each with a number. */
  sent: number;
  /** Where the other's probes came from, by their numbers. */
  from: Map<number, SocketAddress>;
};

export type Way = 'relayed' | 'probing' | 'direct' | 'doubt';

type Path = {
  readonly publicKey: PublicKey;
  readonly allowedIps: ReturnType<typeof singleton>[];
  readonly startsTrials: boolean;
  facts: Facts;
  relay: RelayPlace;
  way: Way;
  since: number;
  /** Why it is not direct. */
  reason: string | undefined;
  roundTrip: number | undefined;
  /** Handshakes of the starting side so far; undefined: none is wanted, or a session stands. */
  tries: number | undefined;
  nextTryAt: number;
  defersRetry: boolean;
  /** Relays that did not answer in turn. */
  triedRelays: number;
  has: { rx: number; tx: number; isLive: boolean; endpoint: SocketAddress | undefined; keepalive: number };
  /** Own traffic since this moment without any answer. */
  unansweredSince: number | undefined;
  busyUntil: number;
  lookAt: number;
  /** The other's program has answered once. */
  talks: boolean;
  pinged: { token: Token; at: number } | undefined;
  trial: Trial | undefined;
  tryAt: number;
  failures: number;
  healing: number;
  falls: number[];
  hold: { place: SocketAddress; until: number } | undefined;
};

export type PathReport = {
  way: 'direct' | 'relayed';
  relay: PeerId | undefined;
  reason: string | undefined;
  /** In ms of the monotonic clock. */
  since: number;
  /** In ms; undefined: not measured. */
  roundTrip: number | undefined;
};

export class Paths {
  /** To the server, in ms; relays are assumed as distant. */
  roundTrip = 0;
  /** Raw sockets are there; without them pairs stay relayed. */
  canProbe = false;
  /** In ms of the monotonic clock. */
  nextDue = Number.POSITIVE_INFINITY;
  readonly #own: PublicKey;
  readonly #token: () => Token;
  readonly #all = new Map<PublicKey, Path>();
  readonly #probeBudget = new Budget();
  readonly #relayBudget = new Budget();
  /** Hosts where a session has stood: they are no victims. */
  readonly #proven = new Set<string>();

  /** `token` draws another one each time. */
  constructor(own: PublicKey, token: () => Token) {
    this.#own = own;
    this.#token = token;
  }

  get size(): number {
    return this.#all.size;
  }

  knows(publicKey: PublicKey): boolean {
    return this.#all.has(publicKey);
  }

  /** A host that is known to be a WireGuard peer's. */
  prove(host: string): void {
    this.#proven.add(host);
  }

  /** Peers at a relay that this side has called, and that have not answered yet. */
  get meeting(): number {
    return [...this.#all.values()].filter(({ tries }) => tries !== undefined).length;
  }

  report(publicKey: PublicKey): PathReport | undefined {
    const path = this.#all.get(publicKey);
    if (!path) return undefined;
    const isDirect = path.way === 'direct' || path.way === 'doubt';
    const { since, roundTrip } = path;
    if (isDirect) return { way: 'direct', relay: undefined, reason: undefined, since, roundTrip };
    const reason = path.facts.hopeless ?? path.reason;
    return { way: 'relayed', relay: path.relay.id, reason, since, roundTrip };
  }

  /** `has`: the peer on the device; a live session stays as it is. */
  add(
    { publicKey, ip }: Pair,
    facts: Facts,
    {
      now,
      wall,
      has,
      newcomer,
    }: { now: number; wall: number; has?: PeerState | undefined; newcomer?: Newcomer | undefined },
  ): PathAction[] {
    const relay = facts.relays.find(({ place }) => place === has?.endpoint) ?? facts.relays[0];
    if (!relay) return [{ do: 'apart', peer: publicKey }];
    const isFirst = starts(this.#own, publicKey);
    const path: Path = {
      publicKey,
      allowedIps: [singleton(ip)],
      startsTrials: isFirst,
      facts,
      relay,
      way: 'relayed',
      since: now,
      reason: undefined,
      roundTrip: undefined,
      tries: undefined,
      nextTryAt: now,
      defersRetry: newcomer === 'self' && !isFirst,
      triedRelays: 0,
      has: readingOf(has, wall),
      unansweredSince: undefined,
      busyUntil: now,
      lookAt: now,
      talks: false,
      pinged: undefined,
      trial: undefined,
      tryAt: now,
      failures: 0,
      healing: 0,
      falls: [],
      hold: undefined,
    };
    this.#all.set(publicKey, path);
    this.#due(now + HOLD.look);
    if (path.has.isLive && has) return this.#adopt(path, has);
    const isStarting = newcomer === undefined ? isFirst : newcomer === 'self';
    if (isStarting && this.#all.size <= MAX_AT_ONCE) return this.#call(path, now);
    const { allowedIps } = path;
    return [step({ kind: 'set', publicKey, allowedIps, endpoint: relay.place, keepalive: 0 })];
  }

  /** The device keeps the peer. */
  remove(publicKey: PublicKey): void {
    this.#all.delete(publicKey);
  }

  /** News of places or relays; `moved`: the peer was seen at another host. */
  learn(publicKey: PublicKey, facts: Facts, now: number, moved = false): PathAction[] {
    const path = this.#all.get(publicKey);
    if (!path) return [];
    const hasNews =
      facts.places.join() !== path.facts.places.join() || facts.hopeless !== path.facts.hopeless;
    path.facts = facts;
    if (hasNews) {
      path.tryAt = Math.min(path.tryAt, now);
      path.failures = 0;
    }
    this.#due(now);
    const relay = facts.relays.find(({ id }) => id === path.relay.id) ?? facts.relays[0];
    if (!relay) return this.#part(path);
    const isOther = relay.place !== path.relay.place;
    path.relay = relay;
    if (path.way === 'direct' || path.way === 'doubt') return moved ? this.#relay(path, now) : [];
    return isOther ? this.#relay(path, now) : [];
  }

  /** This machine moved: the relay knows the new address first, by its mailbox. */
  move(now: number): PathAction[] {
    const actions: PathAction[] = [];
    for (const path of this.#all.values()) {
      path.tryAt = now + AFTER_FALL_MS;
      path.failures = 0;
      if (path.has.isLive) actions.push(...this.#relay(path, now));
      else if (path.tries !== undefined) Object.assign(path, { tries: 0, nextTryAt: now });
    }
    this.#due(now);
    return actions;
  }

  /** Reads the device and the clock. */
  tick(state: DeviceState, now: number, wall: number): PathAction[] {
    const actions: PathAction[] = [];
    this.nextDue = Number.POSITIVE_INFINITY;
    for (const path of this.#all.values()) {
      const has = state.peers.get(path.publicKey);
      if (has) this.#read(path, has, now, wall);
      actions.push(...this.#act(path, now));
      if (this.#all.has(path.publicKey)) this.#due(this.#nextOf(path, now));
    }
    return actions;
  }

  /** A message through the tunnel: WireGuard vouches for its sender. */
  hear(publicKey: PublicKey, message: TalkMessage, now: number): PathAction[] {
    const path = this.#all.get(publicKey);
    if (!path) return [];
    path.talks = true;
    path.unansweredSince = undefined;
    this.#due(now);
    switch (message.do) {
      case 'try':
        return this.#onTry(path, message.token, now);
      case 'ready':
        return this.#onReady(path, message.token, now);
      case 'go':
        return this.#onGo(path, message, now);
      case 'ping':
        return [];
      case 'pong':
        if (path.pinged?.token === message.token) path.roundTrip = now - path.pinged.at;
        path.pinged = undefined;
        if (path.way === 'doubt') path.way = 'direct';
        return [];
    }
  }

  /** A raw packet with the token of a trial that is under way: only that peer knows it. */
  probed(
    kind: 'probe' | 'answer',
    token: Token,
    number: number,
    from: SocketAddress,
    now: number,
  ): PathAction[] {
    const path = [...this.#all.values()].find(({ trial }) => trial?.own === token);
    const trial = path?.trial;
    if (!path || trial?.other === undefined) return [];
    if (kind === 'answer')
      return path.startsTrials && path.way === 'probing' ? this.#succeed(path, trial, from, number, now) : [];
    const isNew = !path.facts.places.includes(from) && ![...trial.from.values()].includes(from);
    trial.from.set(number, from);
    const answer: PathAction = { do: 'answer', to: from, token: trial.other, number };
    return isNew && path.way === 'probing' ? [answer, probeTo(trial, from, trial.other)] : [answer];
  }

  #due(at: number): void {
    this.nextDue = Math.min(this.nextDue, at);
  }

  #nextOf(path: Path, now: number): number {
    if (path.hold) return now + HOLD.look;
    const times = [Math.max(path.lookAt, now + HOLD.look)];
    if (path.tries !== undefined) times.push(path.nextTryAt, now + HOLD.look);
    if (path.way === 'probing') times.push(now + HOLD.look);
    if (path.unansweredSince !== undefined)
      times.push(Math.max(now + HOLD.look, path.unansweredSince + DOUBT_MS));
    if (path.way === 'relayed' && this.#wants(path, now)) times.push(path.tryAt);
    return Math.max(now + HOLD.look, Math.min(...times));
  }

  #read(path: Path, has: PeerState, now: number, wall: number): void {
    const before = path.has;
    path.has = readingOf(has, wall);
    const sent = path.has.tx - before.tx;
    if (path.has.rx > before.rx) {
      path.unansweredSince = undefined;
      if (path.way === 'doubt') path.way = 'direct';
    } else if (sent > EMPTY_PACKET_BYTES) path.unansweredSince ??= now;
    if (sent > EMPTY_PACKET_BYTES || path.has.rx - before.rx > EMPTY_PACKET_BYTES)
      path.busyUntil = now + BUSY_FOR_MS;
    const idle = this.#all.size > MAX_TRIED_IDLE ? LOOK.idleOfMany : LOOK.idle;
    path.lookAt = now + (path.busyUntil > now ? LOOK.busy : idle);
    if (path.has.isLive && has.endpoint) this.#proven.add(hostOf(has.endpoint));
  }

  #act(path: Path, now: number): PathAction[] {
    if (path.tries !== undefined) {
      if (!path.has.isLive) return now >= path.nextTryAt ? this.#call(path, now) : [];
      path.tries = undefined;
      path.triedRelays = 0;
    }
    if (path.hold) return this.#holdOn(path, now);
    switch (path.way) {
      case 'relayed':
        return this.#whileRelayed(path, now);
      case 'probing':
        return this.#whileProbing(path, now);
      case 'direct':
      case 'doubt':
        return this.#whileDirect(path, now);
    }
  }

  /** Recreates the peer: nothing else sends an initiation at once each time. */
  #call(path: Path, now: number): PathAction[] {
    const { publicKey, allowedIps } = path;
    const tries = path.tries ?? 0;
    if (tries === TRIES_MS.length) return this.#nextRelay(path, now);
    const { place } = path.relay;
    if (!this.#proven.has(hostOf(place)) && !this.#relayBudget.take(place, now)) {
      path.tries = tries;
      path.nextTryAt = now + HOLD.look * 10;
      return [];
    }
    const pause = Math.max(TRIES_MS[tries] ?? 0, 4 * this.roundTrip);
    path.tries = tries + 1;
    path.nextTryAt = now + (path.defersRetry && tries === 0 ? 4 * pause : pause);
    this.#due(now + HOLD.look);
    return [step({ kind: 'recreate', publicKey, allowedIps, endpoint: place, keepalive: KEEPALIVE_SECONDS })];
  }

  #nextRelay(path: Path, now: number): PathAction[] {
    const { relays } = path.facts;
    path.triedRelays += 1;
    if (path.triedRelays >= relays.length) return this.#part(path);
    const at = relays.findIndex(({ id }) => id === path.relay.id);
    path.relay = relays[(at + 1) % relays.length] as RelayPlace;
    path.unansweredSince = undefined;
    if (path.has.isLive) return this.#relay(path, now);
    path.tries = 0;
    return this.#call(path, now);
  }

  #part(path: Path): PathAction[] {
    this.#all.delete(path.publicKey);
    return [{ do: 'apart', peer: path.publicKey }];
  }

  /** A session from before stays where it stands. */
  #adopt(path: Path, has: PeerState): PathAction[] {
    if (has.endpoint === path.relay.place || !has.endpoint) return [];
    path.way = 'direct';
    return [];
  }

  /** By the relay from now on; the keepalive sends at once, so that the other side follows. */
  #relay(path: Path, now: number): PathAction[] {
    const { publicKey, relay } = path;
    this.#enter(path, 'relayed', now);
    path.trial = undefined;
    path.unansweredSince = undefined;
    path.hold = { place: relay.place, until: now + this.#holdFor(path, HOLD.relay) };
    this.#due(now + HOLD.look);
    return [
      step({ kind: 'set', publicKey, endpoint: relay.place, keepalive: 0 }),
      step({ kind: 'set', publicKey, keepalive: KEEPALIVE_SECONDS }),
    ];
  }

  #holdFor({ roundTrip = this.roundTrip }: Path, least: number): number {
    return Math.max(least, HOLD.roundTrips * roundTrip);
  }

  #enter(path: Path, way: Way, now: number): void {
    const wasDirect = path.way === 'direct' || path.way === 'doubt';
    if (wasDirect !== (way === 'direct' || way === 'doubt')) path.since = now;
    path.way = way;
  }

  #holdOn(path: Path, now: number): PathAction[] {
    const { publicKey, hold, has } = path;
    if (!hold) return [];
    if (now >= hold.until) path.hold = undefined;
    return has.endpoint === hold.place ? [] : [step({ kind: 'set', publicKey, endpoint: hold.place })];
  }

  #whileRelayed(path: Path, now: number): PathAction[] {
    const { publicKey, has, facts } = path;
    // The other side changed the way, and this side has followed.
    if (has.isLive && has.endpoint && !isRelay(facts, has.endpoint)) return this.#follow(path, now);
    path.relay = facts.relays.find(({ place }) => place === has.endpoint) ?? path.relay;
    const silence = path.unansweredSince === undefined ? 0 : now - path.unansweredSince;
    if (silence >= DEAD_BY_WIREGUARD_MS) return this.#part(path);
    if (silence >= DEAD_MS && path.talks && path.triedRelays + 1 < facts.relays.length)
      return this.#nextRelay(path, now);
    if (silence >= DOUBT_MS || this.#isUnasked(path, now)) return this.#ping(path, now);
    const quiet: PathAction[] =
      has.isLive && has.keepalive > 0 ? [step({ kind: 'set', publicKey, keepalive: 0 })] : [];
    return [...quiet, ...(this.#wants(path, now) && now >= path.tryAt ? this.#try(path, now) : [])];
  }

  /** Once, for the round trip and to know that the other's program is there. */
  #isUnasked({ has, talks, pinged, busyUntil }: Path, now: number): boolean {
    return has.isLive && !talks && !pinged && (this.#all.size <= MAX_TRIED_IDLE || busyUntil > now);
  }

  /** Whether a trial is due but for its time. */
  #wants({ startsTrials, has, facts, busyUntil }: Path, now: number): boolean {
    const isWorthIt = this.#all.size <= MAX_TRIED_IDLE || busyUntil > now;
    return (
      this.canProbe && startsTrials && has.isLive && !facts.hopeless && facts.places.length > 0 && isWorthIt
    );
  }

  #try(path: Path, now: number): PathAction[] {
    const trials = [...this.#all.values()].filter(({ way }) => way === 'probing').length;
    if (trials >= MAX_TRIALS) {
      path.tryAt = now + TRIAL_MS;
      return [];
    }
    path.trial = this.#newTrial(now);
    this.#enter(path, 'probing', now);
    this.#due(now + HOLD.look);
    return [{ do: 'ask', peer: path.publicKey }, this.#askReady(path.publicKey, path.trial)];
  }

  #newTrial(now: number): Trial {
    const own = this.#token();
    return {
      own,
      other: undefined,
      at: now,
      readyAt: undefined,
      probes: 0,
      askedAt: now,
      sent: 0,
      from: new Map(),
    };
  }

  #askReady(peer: PublicKey, { own }: Trial): PathAction {
    return { do: 'tell', peer, message: { do: 'try', token: own } };
  }

  #onTry(path: Path, token: Token, now: number): PathAction[] {
    if (path.startsTrials || !this.canProbe || path.way === 'direct') return [];
    if (path.trial?.other !== token) {
      path.trial = { ...this.#newTrial(now), other: token, readyAt: now };
      this.#enter(path, 'probing', now);
    }
    const message = { do: 'ready', token: path.trial.own } as const;
    return [
      { do: 'tell', peer: path.publicKey, message },
      ...(path.trial.probes === 0 ? [{ do: 'ask', peer: path.publicKey } as const] : []),
      ...this.#probe(path, path.trial, now),
    ];
  }

  #onReady(path: Path, token: Token, now: number): PathAction[] {
    const { trial } = path;
    if (!path.startsTrials || !trial || trial.other !== undefined) return [];
    trial.other = token;
    trial.readyAt = now;
    path.roundTrip = now - trial.askedAt;
    return this.#probe(path, trial, now);
  }

  #probe({ facts }: Path, trial: Trial, now: number): PathAction[] {
    const { other, readyAt } = trial;
    const at = PROBES_MS[trial.probes];
    if (other === undefined || readyAt === undefined || at === undefined || now < readyAt + at) return [];
    trial.probes += 1;
    return facts.places
      .slice(0, MAX_PLACES)
      .filter((place) => this.#probeBudget.take(place, now))
      .map((to) => probeTo(trial, to, other));
  }

  #whileProbing(path: Path, now: number): PathAction[] {
    const { trial } = path;
    if (!trial) return [];
    if (trial.readyAt === undefined) {
      if (now - trial.at >= READY_WITHIN_MS) return this.#fail(path, 'its program does not answer', now);
      if (now - trial.askedAt < ASK_AGAIN_MS) return [];
      trial.askedAt = now;
      return [this.#askReady(path.publicKey, trial)];
    }
    if (now - trial.readyAt < TRIAL_MS + (path.startsTrials ? 0 : GO_WITHIN_MS))
      return this.#probe(path, trial, now);
    const { endpoint } = path.has;
    // Its `go` was lost, but its packets came directly.
    if (!path.startsTrials && endpoint && !isRelay(path.facts, endpoint))
      return this.#direct(path, endpoint, now);
    return this.#fail(path, 'no probe got through the routers', now);
  }

  #fail(path: Path, reason: string, now: number): PathAction[] {
    this.#enter(path, 'relayed', now);
    path.trial = undefined;
    path.reason = reason;
    if (path.healing > 0) {
      path.healing -= 1;
      path.tryAt = now + AFTER_FALL_MS;
    } else {
      path.tryAt = now + (AFTER_FAILURE_MS[Math.min(path.failures, AFTER_FAILURE_MS.length - 1)] ?? 0);
      path.failures += 1;
    }
    return [];
  }

  #succeed(path: Path, trial: Trial, place: SocketAddress, probe: number, now: number): PathAction[] {
    const go = { do: 'tell', peer: path.publicKey, message: { do: 'go', token: trial.own, probe } } as const;
    return [...this.#direct(path, place, now), go, go];
  }

  #onGo(path: Path, { token, probe }: TalkMessage & { do: 'go' }, now: number): PathAction[] {
    const { trial } = path;
    if (path.startsTrials || trial?.other !== token || path.way === 'direct') return [];
    return this.#direct(path, trial.from.get(probe), now);
  }

  /** Both sides keep the trial for a while: the other one still asks. */
  #direct(path: Path, place: SocketAddress | undefined, now: number): PathAction[] {
    const { publicKey } = path;
    this.#enter(path, 'direct', now);
    path.reason = undefined;
    path.failures = 0;
    path.unansweredSince = undefined;
    if (place === undefined) return [];
    path.hold = { place, until: now + this.#holdFor(path, HOLD.direct) };
    this.#due(now + HOLD.look);
    return [
      { do: 'insist', peer: publicKey, relay: path.relay.place, place },
      step({ kind: 'set', publicKey, endpoint: place, keepalive: KEEPALIVE_SECONDS }),
    ];
  }

  #follow(path: Path, now: number): PathAction[] {
    this.#enter(path, 'direct', now);
    return [];
  }

  #whileDirect(path: Path, now: number): PathAction[] {
    const { has, facts } = path;
    if (path.trial?.readyAt !== undefined && now - path.trial.readyAt > 2 * TRIAL_MS) path.trial = undefined;
    if (has.isLive && has.endpoint && isRelay(facts, has.endpoint))
      return this.#dragged(path, has.endpoint, now);
    const silence = path.unansweredSince === undefined ? 0 : now - path.unansweredSince;
    if (silence >= (path.talks ? DEAD_MS : DEAD_BY_WIREGUARD_MS) || !has.isLive) return this.#fall(path, now);
    if (silence < DOUBT_MS) return [];
    path.way = 'doubt';
    return this.#ping(path, now);
  }

  #ping(path: Path, now: number): PathAction[] {
    if (path.pinged && now - path.pinged.at < PING_AGAIN_MS) return [];
    path.pinged = { token: this.#token(), at: now };
    return [{ do: 'tell', peer: path.publicKey, message: { do: 'ping', token: path.pinged.token } }];
  }

  /** The other side went to the relay. */
  #dragged(path: Path, endpoint: SocketAddress, now: number): PathAction[] {
    path.relay = path.facts.relays.find(({ place }) => place === endpoint) ?? path.relay;
    this.#rest(path, now);
    this.#enter(path, 'relayed', now);
    path.trial = undefined;
    path.unansweredSince = undefined;
    return [];
  }

  #fall(path: Path, now: number): PathAction[] {
    this.#rest(path, now);
    return this.#relay(path, now);
  }

  #rest(path: Path, now: number): void {
    path.falls = [...path.falls.filter((at) => now - at < FALLS_WITHIN_MS), now];
    path.reason = 'the direct way died';
    path.healing = TRIES_AFTER_FALL;
    path.tryAt = now + (path.falls.length >= MAX_FALLS ? FALLS_WITHIN_MS : AFTER_FALL_MS);
  }
}

const probeTo = (trial: Trial, to: SocketAddress, token: Token): PathAction => {
  trial.sent += 1;
  return { do: 'probe', to, token, number: trial.sent % 256 };
};

const step = (one: Step): PathAction => ({ do: 'step', step: one });

const isRelay = ({ relays }: Facts, endpoint: SocketAddress): boolean =>
  relays.some(({ place }) => place === endpoint);

const readingOf = (has: PeerState | undefined, wall: number): Path['has'] => ({
  rx: has?.rxBytes ?? 0,
  tx: has?.txBytes ?? 0,
  isLive: has !== undefined && isLive(has, wall),
  endpoint: has?.endpoint,
  keepalive: has?.keepalive ?? 0,
});
