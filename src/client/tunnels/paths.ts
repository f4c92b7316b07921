/**
 * Decides by which way two peers behind routers talk, relay first and direct once a round trip proved it; no I/O.
 * A pair without a relay in common belongs to `Contacts`.
 */

import type { Token, WayMessage } from '../../protocol/talk-message.ts';
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
import { type ProbeAction, type TellAction, TRIAL_MS, Trial } from './trial.ts';
import { TrialPauses } from './trial-pauses.ts';

/** Of the starting side's handshakes by one relay; the last is the patience with it. */
const TRIES_MS = [50, 250, 700, 1500] as const;
/** The other side may begin at the relay as well: the one with the larger key waits so long for it. */
const PATIENCE_MS = 250;
/** Silence alone changes the relay so often: it may be the other's program that is silent. */
const RELAY_STAYS_MS = 60_000;
/** With more peers in sight, traffic starts the handshake, and only pairs with traffic try the direct way. */
const MAX_AT_ONCE = 32;
const MAX_TRIED_IDLE = 64;
const MAX_TRIALS = 8;
/** Silence after own traffic: until the other's program is asked, and until the way counts as dead. */
const DOUBT_MS = 1000;
const DEAD_MS = 1500;
/** A one-way stream is answered by WireGuard's passive keepalive after 10 s. */
const DEAD_BY_WIREGUARD_MS = 12_000;
const PING_AGAIN_MS = 200;
/** Endpoints are set again for this time, or so many round trips: packets under way turn WireGuard back (ms). */
const HOLD = { direct: 300, relay: 500, roundTrips: 4, look: 20 } as const;
/** What another's program takes to answer may be much longer. */
const MAX_ROUND_TRIP_MS = 500;
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
  | TellAction
  | ProbeAction
  /** That relay knows the index that `insist` needs. */
  | { do: 'ask'; peer: PublicKey; relay: PeerId }
  /** Packets by the relay that are under way shall look as if they came from `place`. */
  | { do: 'insist'; peer: PublicKey; relay: SocketAddress; place: SocketAddress }
  /** The pair is back with `Contacts`. */
  | { do: 'apart'; peer: PublicKey };

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
  relayStaysUntil: number;
  /** A handshake that the other side begins, or any sign of life. */
  awaited: { since: Path['has']; until: number } | undefined;
  has: {
    rx: number;
    tx: number;
    handshake: number | undefined;
    isLive: boolean;
    endpoint: SocketAddress | undefined;
    keepalive: number;
  };
  /** The relay that passed the session's handshake: no other one knows the session. */
  metBy: PeerId | undefined;
  /** Own traffic since this moment without any answer. */
  unansweredSince: number | undefined;
  busyUntil: number;
  lookAt: number;
  /** The other's program has answered once. */
  talks: boolean;
  pinged: { token: Token; at: number } | undefined;
  trial: Trial | undefined;
  readonly pauses: TrialPauses;
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
    const relay = relayAt(facts, has?.endpoint) ?? facts.relays[0];
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
      relayStaysUntil: now,
      awaited: undefined,
      has: readingOf(has, wall),
      metBy: has?.endpoint === relay.place ? relay.id : undefined,
      unansweredSince: undefined,
      busyUntil: now,
      lookAt: now,
      talks: false,
      pinged: undefined,
      trial: undefined,
      pauses: new TrialPauses(now),
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
    if (hasNews) path.pauses.hearNews(now);
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
      path.pauses.move(now);
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
  hear(publicKey: PublicKey, message: WayMessage, now: number): PathAction[] {
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
    if (!path || !trial?.isReady) return [];
    if (kind === 'probe') return trial.answer(number, from, path.facts.places, path.way !== 'probing');
    return path.startsTrials && path.way === 'probing' ? this.#succeed(path, trial, from, number, now) : [];
  }

  #due(at: number): void {
    this.nextDue = Math.min(this.nextDue, at);
  }

  #nextOf(path: Path, now: number): number {
    if (path.hold) return now + HOLD.look;
    const times = [Math.max(path.lookAt, now + HOLD.look)];
    if (path.awaited) return now + HOLD.look;
    if (path.tries !== undefined) times.push(path.nextTryAt, now + HOLD.look);
    if (path.way === 'probing') times.push(now + HOLD.look);
    if (path.unansweredSince !== undefined)
      times.push(Math.max(now + HOLD.look, path.unansweredSince + DOUBT_MS));
    if (path.way === 'relayed' && this.#wants(path, now)) times.push(path.pauses.nextAt);
    return Math.max(now + HOLD.look, Math.min(...times));
  }

  #read(path: Path, has: PeerState, now: number, wall: number): void {
    const before = path.has;
    path.has = readingOf(has, wall);
    if (path.has.handshake !== before.handshake) path.metBy = relayAt(path.facts, has.endpoint)?.id;
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
    if (path.awaited) return this.#await(path, path.awaited, now);
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
    const pause = Math.max(TRIES_MS[tries] ?? 0, 2 * this.#roundTripOf(path));
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
    return path.has.isLive ? this.#relay(path, now) : this.#callAgain(path, now);
  }

  #roundTripOf({ roundTrip = 0 }: Path): number {
    return Math.max(2 * this.roundTrip, Math.min(roundTrip, MAX_ROUND_TRIP_MS));
  }

  /** Two that begin at once would both fail. */
  #await(path: Path, { since, until }: NonNullable<Path['awaited']>, now: number): PathAction[] {
    const { has } = path;
    if (has.handshake !== since.handshake || has.rx > since.rx) path.awaited = undefined;
    if (!path.awaited || now < until) return [];
    path.awaited = undefined;
    return this.#callAgain(path, now);
  }

  #callAgain(path: Path, now: number): PathAction[] {
    path.unansweredSince = undefined;
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
    if (path.metBy !== relay.id) {
      path.hold = undefined;
      if (path.startsTrials) return this.#callAgain(path, now);
      path.awaited = { since: path.has, until: now + PATIENCE_MS + 2 * this.#roundTripOf(path) };
      this.#due(now + HOLD.look);
      return [];
    }
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
    path.relay = relayAt(facts, has.endpoint) ?? path.relay;
    const silence = path.unansweredSince === undefined ? 0 : now - path.unansweredSince;
    if (silence >= DEAD_BY_WIREGUARD_MS) return this.#part(path);
    if (silence >= DEAD_MS && path.talks && facts.relays.length > 1 && now >= path.relayStaysUntil) {
      path.relayStaysUntil = now + RELAY_STAYS_MS;
      return this.#nextRelay(path, now);
    }
    if (silence >= DOUBT_MS || this.#isUnasked(path, now)) return this.#ping(path, now);
    const quiet: PathAction[] =
      has.isLive && has.keepalive > 0 ? [step({ kind: 'set', publicKey, keepalive: 0 })] : [];
    return [...quiet, ...(this.#wants(path, now) && now >= path.pauses.nextAt ? this.#try(path, now) : [])];
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
      path.pauses.nextAt = now + TRIAL_MS;
      return [];
    }
    const trial = this.#begin(path, now);
    return [askAbout(path), trial.tell()];
  }

  /** `other`: the token of the side that started. */
  #begin(path: Path, now: number, other?: Token): Trial {
    const [peer, own, budget] = [path.publicKey, this.#token(), this.#probeBudget];
    path.trial = new Trial({ peer, own, budget, now, ...(other === undefined ? {} : { other }) });
    this.#enter(path, 'probing', now);
    this.#due(now + HOLD.look);
    return path.trial;
  }

  #onTry(path: Path, token: Token, now: number): PathAction[] {
    if (path.startsTrials || !this.canProbe || path.way === 'direct') return [];
    const trial = path.trial?.isWith(token) ? path.trial : this.#begin(path, now, token);
    const ask: PathAction[] = trial.hasProbed ? [] : [askAbout(path)];
    return [trial.tell(), ...ask, ...trial.probe(path.facts.places, now)];
  }

  #onReady(path: Path, token: Token, now: number): PathAction[] {
    const roundTrip = path.startsTrials ? path.trial?.ready(token, now) : undefined;
    if (roundTrip === undefined) return [];
    path.roundTrip = roundTrip;
    return path.trial?.probe(path.facts.places, now) ?? [];
  }

  #whileProbing(path: Path, now: number): PathAction[] {
    const said = path.trial?.look(path.facts.places, now) ?? [];
    if (typeof said !== 'string') return said;
    const { endpoint } = path.has;
    // Its `go` was lost, but its packets came directly.
    if (!path.startsTrials && endpoint && !isRelay(path.facts, endpoint))
      return this.#direct(path, endpoint, now);
    return this.#fail(path, said, now);
  }

  #fail(path: Path, reason: string, now: number): PathAction[] {
    this.#enter(path, 'relayed', now);
    path.trial = undefined;
    path.reason = reason;
    path.pauses.fail(now);
    return [];
  }

  #succeed(path: Path, trial: Trial, place: SocketAddress, probe: number, now: number): PathAction[] {
    return [...this.#direct(path, place, now), trial.go(probe), trial.go(probe)];
  }

  #onGo(path: Path, { token, probe }: WayMessage & { do: 'go' }, now: number): PathAction[] {
    const { trial } = path;
    if (path.startsTrials || !trial?.isWith(token) || path.way === 'direct') return [];
    return this.#direct(path, trial.placeOf(probe), now);
  }

  /** Both sides keep the trial for a while: the other one still asks. */
  #direct(path: Path, place: SocketAddress | undefined, now: number): PathAction[] {
    const { publicKey } = path;
    this.#enter(path, 'direct', now);
    path.reason = undefined;
    path.pauses.succeed();
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
    if (path.trial?.isForgotten(now)) path.trial = undefined;
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
    path.relay = relayAt(path.facts, endpoint) ?? path.relay;
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
    path.reason = 'the direct way died';
    path.pauses.fall(now);
  }
}

const askAbout = ({ publicKey, relay }: Path): PathAction => ({
  do: 'ask',
  peer: publicKey,
  relay: relay.id,
});

const step = (one: Step): PathAction => ({ do: 'step', step: one });

const relayAt = ({ relays }: Facts, endpoint: SocketAddress | undefined): RelayPlace | undefined =>
  relays.find(({ place }) => place === endpoint);

const isRelay = (facts: Facts, endpoint: SocketAddress): boolean => relayAt(facts, endpoint) !== undefined;

const readingOf = (has: PeerState | undefined, wall: number): Path['has'] => ({
  rx: has?.rxBytes ?? 0,
  tx: has?.txBytes ?? 0,
  handshake: has?.latestHandshake,
  isLive: has !== undefined && isLive(has, wall),
  endpoint: has?.endpoint,
  keepalive: has?.keepalive ?? 0,
});
