/**
 * Decides which peer starts the handshake with which, and when it is tried again; no I/O. If both ends
 * initiate at once, both lose five seconds. So a newcomer starts with all others; else the peer with the
 * smaller key does, while the other opens its router.
 */
import type { SocketAddress } from '../../values/endpoint.ts';
import { type Ip, singleton } from '../../values/ip.ts';
import { keyBytes, type PublicKey } from '../../values/key.ts';
import {
  type DeviceState,
  isLive,
  KEEPALIVE_SECONDS,
  type PeerState,
  type Step,
} from '../../wireguard/device.ts';
import type { Pair } from '../memory/pins.ts';
import { Budget, QUEUE_PAUSE_MS } from './budget.ts';
import { canFade } from './fading-packets.ts';
import { Openings } from './openings.ts';
import { LOUD_FOR_MS, nextMark, OPEN_AGAIN_MS, openAhead, pairNumber } from './rounds.ts';

/** After this time the waiting peer starts a handshake itself. */
const PATIENCE_MS = 2000;
/**
 * Pause before the second try; doubles each try up to a limit that soon mends a crossing.
 * Never below 20: WireGuard drops faster initiations from one peer.
 */
const SHORTEST_PAUSE_MS = 50;
/** WireGuard itself would retry at 5000 ms. */
const SILENT_AFTER_MS = 4000;
/** Time at one place, at least two round trips. */
const SHORTEST_STEP_MS = 300;
/** At the likeliest place, before others: the other side may be late. */
const FIRST_TRIES = 3;
const QUICK_TRIES = 6;
/** In ms, after the quick tries of the first round, with one place only. */
const SLOW_PAUSES_MS = [1000, 2000] as const;
/** Between the first two rounds, in ms. */
const FIRST_PAUSE_MS = 3500;
/** A first round later than this counts from its real start. */
const LATE_MS = 2000;
/** Before a later round; near places need no opening. */
const OPENED_AHEAD = 2;
/** A peer in sight for less has no session. */
const JUST_ADDED_MS = 300;

type Contact = {
  readonly publicKey: PublicKey;
  readonly ip: Ip;
  /** By the keys, but newcomers and moved machines always start. */
  starts: boolean;
  /** The other, if also new, may have started at the same moment. */
  readonly defersFirstRetry: boolean;
  readonly since: number;
  /** Earlier handshakes do not count; milliseconds since 1970. */
  from: number;
  /** The most likely first. */
  endpoints: readonly SocketAddress[];
  /** Failed rounds since the last news, and the start of the first. */
  round: number;
  roundStartedAt: number;
  tries: number;
  stage: 'begin' | 'going' | 'over';
  nextAttemptAt: number;
  /** Last try that WireGuard would repeat. */
  sent: number | undefined;
  /** In ms of the monotonic clock; Infinity: not before there is news. */
  due: number;
};

/** The server's clock minus the local monotonic one, in ms. */
export type ServerClock = { readonly offset: number; readonly least: number; readonly most: number };

/** The smaller key starts the handshake, by raw bytes. */
export const starts = (own: PublicKey, other: PublicKey): boolean =>
  Buffer.compare(keyBytes(own), keyBytes(other)) < 0;

export type Newcomer = 'self' | 'other';

export class Contacts {
  /** To the server, in ms; other peers are assumed as distant. */
  roundTrip = 0;
  /** No router here forgets a flow that only the other side keeps up. */
  isOpen = false;
  /** In ms of the monotonic clock. */
  nextDue = Number.POSITIVE_INFINITY;
  readonly #own: PublicKey;
  readonly #all = new Map<PublicKey, Contact>();
  readonly #unconnected = new Set<Contact>();
  readonly #budget = new Budget();
  readonly #openings: Openings;
  /** Wall clock minus monotonic clock, in ms. */
  #clockOffset = 0;
  /** Once told; all clients can agree on moments by it. */
  serverClock: ServerClock | undefined;

  /** `fade` sends a packet that opens the local router and does not arrive. */
  constructor(own: PublicKey, fade: (place: SocketAddress) => void = () => {}) {
    this.#own = own;
    this.#openings = new Openings(this.#budget, fade);
  }

  /** `has`: the peer on the device; `now`: monotonic ms; `wall`: ms since 1970; `newcomer`: the new one. */
  add(
    { publicKey, ip }: Pair,
    endpoints: readonly SocketAddress[],
    {
      now,
      wall,
      has,
      newcomer,
    }: { now: number; wall: number; has?: PeerState | undefined; newcomer?: Newcomer | undefined },
  ): Step[] {
    this.#clockOffset = wall - now;
    const isFirst = starts(this.#own, publicKey);
    const contact: Contact = {
      publicKey,
      ip,
      starts: newcomer === undefined ? isFirst : newcomer === 'self',
      defersFirstRetry: newcomer === 'self' && !isFirst,
      since: now,
      from: 0,
      endpoints,
      round: 0,
      roundStartedAt: now,
      tries: 0,
      stage: 'begin',
      nextAttemptAt: now,
      sent: undefined,
      due: Number.POSITIVE_INFINITY,
    };
    const former = this.#all.get(publicKey);
    if (former) this.#unconnected.delete(former);
    this.#all.set(publicKey, contact);
    if (has && isLive(has, wall)) return this.#met(contact, has);
    this.#unconnected.add(contact);
    if (!contact.starts) return [this.#plain(contact), ...this.#wait(contact, now)];
    if (endpoints.length > 0) {
      const [step] = this.#try(contact, now);
      if (step) return [step];
    }
    return [this.#plain(contact)];
  }

  remove(publicKey: PublicKey): Step[] {
    if (!this.#all.has(publicKey)) return [];
    this.release(publicKey);
    return [{ kind: 'remove', publicKey }];
  }

  /** The device keeps the peer, which somebody else meets. */
  release(publicKey: PublicKey): void {
    const contact = this.#all.get(publicKey);
    if (!contact) return;
    this.#all.delete(publicKey);
    this.#unconnected.delete(contact);
    this.#openings.forget(publicKey);
  }

  /** A session stays, but the router is opened to new places. */
  learn(publicKey: PublicKey, endpoints: readonly SocketAddress[], now: number): Step[] {
    const contact = this.#all.get(publicKey);
    if (!contact || sameList(contact.endpoints, endpoints)) return [];
    const added = endpoints.filter((endpoint) => !contact.endpoints.includes(endpoint));
    const first = contact.endpoints[0] !== endpoints[0] ? endpoints[0] : undefined;
    contact.endpoints = endpoints;
    if (added.length === 0 && !first) return [];
    if (!this.#unconnected.has(contact)) return this.#open(contact, added, now);
    const fresh = now - contact.since < JUST_ADDED_MS;
    contact.roundStartedAt = now;
    if (contact.starts && !first && contact.round === 0) return [];
    begin(contact, now);
    if (fresh && first && contact.starts) return this.#try(contact, now);
    this.#schedule(contact, now);
    return fresh && first ? [{ kind: 'set', publicKey, endpoint: first }] : [];
  }

  /** This machine moved: only it knows, so it starts with all peers at the next `tick`. */
  move(now: number, wall: number): void {
    this.#clockOffset = wall - now;
    for (const contact of this.#all.values()) {
      contact.from = wall;
      contact.starts = true;
      begin(contact, now);
      this.#unconnected.add(contact);
      this.#schedule(contact, contact.endpoints.length > 0 ? now : Number.POSITIVE_INFINITY);
    }
  }

  /** Others learnt new places of this machine and begin again; so does the next `tick`. */
  renew(now: number): void {
    for (const contact of this.#unconnected) {
      contact.roundStartedAt = now;
      if (contact.endpoints.length === 0 || (contact.starts && contact.round === 0)) continue;
      begin(contact, now);
      this.#schedule(contact, now);
    }
  }

  tick(state: DeviceState, now: number, wall: number): Step[] {
    this.#clockOffset = wall - now;
    const steps = this.#openings.tick(now);
    this.nextDue = this.#openings.due(now);
    for (const contact of this.#unconnected) {
      const has = state.peers.get(contact.publicKey);
      if (has) hear(contact, has);
      if (has && isMetBy(contact, has, wall)) steps.push(...this.#met(contact, has));
      else if (contact.due <= now) steps.push(...this.#act(contact, now));
      this.nextDue = Math.min(
        this.nextDue,
        this.#unconnected.has(contact) ? contact.due : Number.POSITIVE_INFINITY,
      );
    }
    return steps;
  }

  /** Finds ended sessions; the next `tick` tries those peers again. */
  review(state: DeviceState, now: number, wall: number): void {
    this.#clockOffset = wall - now;
    for (const contact of this.#all.values()) {
      const has = state.peers.get(contact.publicKey);
      if (this.#unconnected.has(contact) || (has && isLive(has, wall))) continue;
      begin(contact, now);
      this.#unconnected.add(contact);
      if (has?.endpoint && !contact.endpoints.includes(has.endpoint))
        contact.endpoints = [has.endpoint, ...contact.endpoints];
      this.#schedule(contact, contact.endpoints.length > 0 ? now : Number.POSITIVE_INFINITY);
    }
  }

  keepUp(state: DeviceState): Step[] {
    const steps: Step[] = [];
    for (const contact of this.#all.values()) {
      const has = state.peers.get(contact.publicKey);
      if (has && !this.#unconnected.has(contact)) steps.push(...this.#keepUp(contact, has));
    }
    return steps;
  }

  /** Whether an own handshake is in its quick tries. */
  get isGreeting(): boolean {
    return [...this.#unconnected].some(
      ({ starts, endpoints, round, tries }) =>
        starts && endpoints.length > 0 && round === 0 && tries <= quickTries(endpoints),
    );
  }

  /** Peers in their first rounds since the last news. */
  get meeting(): number {
    return [...this.#unconnected].filter(({ endpoints, round }) => endpoints.length > 0 && round < 2).length;
  }

  get size(): number {
    return this.#all.size;
  }

  get throwaways(): ReadonlySet<PublicKey> {
    return this.#openings.keys;
  }

  /** Removes throwaway peers; leaves unconnected peers, silent at the moment, to WireGuard's retries. */
  close(now: number): Step[] {
    const steps = this.#openings.close();
    for (const {
      publicKey,
      endpoints: [endpoint],
    } of this.#unconnected)
      if (endpoint && this.#budget.take(endpoint, now))
        steps.push({ kind: 'set', publicKey, endpoint, keepalive: KEEPALIVE_SECONDS });
    return steps;
  }

  knows(publicKey: PublicKey): boolean {
    return this.#all.has(publicKey);
  }

  isMet(publicKey: PublicKey): boolean {
    const contact = this.#all.get(publicKey);
    return contact !== undefined && !this.#unconnected.has(contact);
  }

  /** Whether a round failed or no place is known. */
  isUnreached(publicKey: PublicKey): boolean {
    const contact = this.#all.get(publicKey);
    return (
      contact !== undefined &&
      this.#unconnected.has(contact) &&
      (contact.round > 0 || contact.endpoints.length === 0)
    );
  }

  /** Without a handshake: waits for the other side or for a place. */
  #plain({ publicKey, ip, endpoints }: Contact): Step {
    return {
      kind: 'set',
      publicKey,
      allowedIps: [singleton(ip)],
      ...(endpoints[0] ? { endpoint: endpoints[0] } : {}),
      keepalive: 0,
    };
  }

  #open(
    { publicKey }: Contact,
    places: readonly SocketAddress[],
    now: number,
    how?: 'arriving' | 'fading',
  ): Step[] {
    const steps = this.#openings.open(publicKey, places, now, how);
    this.nextDue = Math.min(this.nextDue, this.#openings.due(now));
    return steps;
  }

  #act(contact: Contact, now: number): Step[] {
    if (contact.stage === 'over') return this.#fallSilent(contact, now);
    if (now < contact.nextAttemptAt) return this.#openAhead(contact, now);
    if (contact.starts) return this.#try(contact, now);
    return contact.stage === 'begin' ? this.#wait(contact, now) : this.#losePatience(contact, now);
  }

  /** Before a round both sides open their routers, so that the exact moment does not matter. */
  #openAhead(contact: Contact, now: number): Step[] {
    this.#schedule(contact, Math.min(contact.nextAttemptAt, now + OPEN_AGAIN_MS));
    return this.#open(contact, contact.endpoints.filter(canFade).slice(0, OPENED_AHEAD), now, 'fading');
  }

  #wait(contact: Contact, now: number): Step[] {
    contact.stage = 'going';
    this.#schedule(contact, now + PATIENCE_MS);
    const silence = contact.sent === undefined ? [] : [this.#silence(contact)];
    return [...silence, ...this.#open(contact, contact.endpoints, now)];
  }

  /** The waiting side starts one handshake: the other may be unable to. */
  #losePatience(contact: Contact, now: number): Step[] {
    const { publicKey } = contact;
    const endpoint = contact.endpoints[0];
    if (endpoint && !this.#budget.take(endpoint, now)) {
      this.#schedule(contact, now + QUEUE_PAUSE_MS);
      return [];
    }
    contact.stage = 'over';
    contact.sent = now;
    this.#schedule(contact, endpoint ? now + SILENT_AFTER_MS : Number.POSITIVE_INFINITY);
    return [{ kind: 'set', publicKey, ...(endpoint ? { endpoint } : {}), keepalive: KEEPALIVE_SECONDS }];
  }

  /** Recreates the peer: nothing else sends an initiation at once each time. */
  #try(contact: Contact, now: number): Step[] {
    const { publicKey, ip, sent } = contact;
    if (contact.round === 1 && now - contact.roundStartedAt > LOUD_FOR_MS)
      return this.#fallSilent(contact, now);
    const endpoint = placeOf(contact);
    if (!endpoint || !this.#budget.take(endpoint, now)) {
      this.#schedule(contact, endpoint ? now + QUEUE_PAUSE_MS : Number.POSITIVE_INFINITY);
      return sent !== undefined && now - sent >= SILENT_AFTER_MS ? [this.#silence(contact)] : [];
    }
    if (contact.round === 0 && contact.tries === 0 && now - contact.roundStartedAt > LATE_MS)
      contact.roundStartedAt = now;
    contact.sent = now;
    contact.tries += 1;
    const isLong = contact.round < 2 && now - contact.roundStartedAt > LOUD_FOR_MS;
    contact.stage = contact.tries < triesOf(contact) && !isLong ? 'going' : 'over';
    this.#schedule(contact, now + this.#pauseAfter(contact));
    return [
      { kind: 'recreate', publicKey, allowedIps: [singleton(ip)], endpoint, keepalive: KEEPALIVE_SECONDS },
    ];
  }

  /**
   * Ends a failed round. Without a keepalive the peer is silent, where WireGuard would retry for 90 s;
   * without an endpoint it stays so. Routers forget the flow, and no third party named as a place is flooded.
   */
  #fallSilent(contact: Contact, now: number): Step[] {
    contact.round += 1;
    contact.tries = 0;
    contact.stage = 'begin';
    if (contact.round > 1) contact.starts = starts(this.#own, contact.publicKey);
    contact.nextAttemptAt = this.#nextRound(contact, now);
    const isSecond = contact.starts && contact.round === 1;
    this.#schedule(contact, isSecond ? contact.nextAttemptAt : openAhead({ ...contact, now }));
    return [this.#silence(contact)];
  }

  #silence(contact: Contact): Step {
    const { publicKey, ip } = contact;
    contact.sent = undefined;
    return { kind: 'recreate', publicKey, allowedIps: [singleton(ip)], keepalive: 0 };
  }

  /** The waiting side's router stays open for the second round. */
  #nextRound({ publicKey, starts, round, roundStartedAt }: Contact, now: number): number {
    if (starts && round === 1) return now + FIRST_PAUSE_MS;
    const offset = this.#agreedOffset;
    const times = { now: now + offset, roundStartedAt: roundStartedAt + offset };
    const isFirst = round === (starts ? 2 : 1);
    return nextMark(pairNumber(this.#own, publicKey), times, isFirst) - offset;
  }

  /** The local clock unless it is known to be wrong: the server's is only known within bounds. */
  get #agreedOffset(): number {
    const { least, offset, most } = this.serverClock ?? {
      least: 0,
      offset: this.#clockOffset,
      most: Infinity,
    };
    return least <= this.#clockOffset && this.#clockOffset <= most ? this.#clockOffset : offset;
  }

  #pauseAfter({ tries, round, endpoints, defersFirstRetry }: Contact): number {
    const first = Math.max(SHORTEST_PAUSE_MS, 2 * this.roundTrip);
    const step = Math.max(SHORTEST_STEP_MS, first);
    if (round > 0) return step;
    if (defersFirstRetry && tries === 1) return 2 * step;
    const isSlow = endpoints.length === 1 && tries > QUICK_TRIES;
    return SLOW_PAUSES_MS[isSlow ? tries - QUICK_TRIES - 1 : -1] ?? Math.min(step, first * 2 ** (tries - 1));
  }

  #met(contact: Contact, has: PeerState): Step[] {
    this.#unconnected.delete(contact);
    contact.starts = starts(this.#own, contact.publicKey);
    contact.sent = undefined;
    return this.#keepUp(contact, has);
  }

  /** The starting side keeps routers open; the other helps only where it may be behind one. */
  #keepUp({ publicKey, starts }: Contact, has: PeerState): Step[] {
    const keepalive = this.isOpen && !starts ? 0 : KEEPALIVE_SECONDS;
    return has.keepalive === keepalive ? [] : [{ kind: 'set', publicKey, keepalive }];
  }

  #schedule(contact: Contact, due: number): void {
    contact.due = due;
    this.nextDue = Math.min(this.nextDue, due);
  }
}

const begin = (contact: Contact, now: number): void => {
  contact.round = 0;
  contact.roundStartedAt = now;
  contact.tries = 0;
  contact.stage = 'begin';
  contact.nextAttemptAt = now;
};

/** Even an unfinished handshake shows the likeliest place. */
const hear = (contact: Contact, { endpoint, rxBytes }: PeerState): void => {
  if (endpoint && rxBytes > 0 && !contact.endpoints.includes(endpoint))
    contact.endpoints = [endpoint, ...contact.endpoints];
};

const isMetBy = ({ from }: Contact, has: PeerState, wall: number): boolean =>
  isLive(has, wall) && (has.latestHandshake ?? 0) > from;

/** Each place once, the likeliest more often in the first round. */
const triesOf = ({ round, endpoints }: Contact): number => {
  const several = Math.max(2, endpoints.length);
  if (round > 0) return several;
  return endpoints.length > 1 ? FIRST_TRIES + several : QUICK_TRIES + SLOW_PAUSES_MS.length;
};

const quickTries = (endpoints: readonly SocketAddress[]): number =>
  Math.max(QUICK_TRIES, FIRST_TRIES + endpoints.length);

/** The first place, then the others from the end, then all again. */
const placeOf = ({ endpoints, tries, round }: Contact): SocketAddress | undefined => {
  const turn = round > 0 ? tries : Math.max(0, tries - FIRST_TRIES + 1);
  const at = turn % Math.max(1, endpoints.length);
  return at === 0 ? endpoints[0] : endpoints.at(-at);
};

const sameList = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((item, index) => item === right[index]);
