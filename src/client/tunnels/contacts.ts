/**
 * Who starts the handshake with whom, and when it is tried again. If both ends of a pair initiate before they hear
 * of each other, both lose five seconds: so a newcomer starts with those who are there, for it is the last to know of
 * the other; of two who come into sight later, the one with the smaller key. The other one waits; meanwhile it opens
 * its router to all places where the first may be. No I/O.
 */
import type { SocketAddress } from '../../values/endpoint.ts';
import { type Ip, singleton } from '../../values/ip.ts';
import { keyBytes, type PublicKey } from '../../values/key.ts';
import { type DeviceState, isLive, type PeerState, type Step } from '../../wireguard/device.ts';
import type { Pair } from '../memory/pins.ts';
import { Budget } from './budget.ts';
import { canFade } from './fading-packets.ts';
import { Openings } from './openings.ts';
import { LOUD_FOR, nextMark, OPEN_AGAIN, openAhead, pairNumber } from './rounds.ts';

/** Persistent keepalive of every tunnel that stands, in seconds: innernet's. */
export const KEEPALIVE = 25;
/** The one that waits starts a handshake of its own after this long, in milliseconds. */
const PATIENCE = 2000;
/**
 * The shortest time to the second try, in milliseconds; each further one waits twice as long, up to a limit at which
 * two that have crossed are mended soon. Never below 20: WireGuard drops what comes faster from one peer.
 */
const SHORTEST_PAUSE = 50;
/** A try is followed by another or by silence after this long, before WireGuard repeats it: after 5000 ms. */
const SILENT_AFTER = 4000;
/** The step from one place to the next, in milliseconds, or two round trips if those take longer. */
const SHORTEST_STEP = 300;
/** Tries at the likeliest place before the others have their turn: the other side may be a moment behind. */
const FIRST_TRIES = 3;
const QUICK_TRIES = 6;
/** Where there is one place only, after the quick tries of the first round, in milliseconds. */
const SLOW_PAUSES = [1000, 2000] as const;
/** The pause between the first two rounds, in milliseconds. */
const FIRST_PAUSE = 3500;
/** A first round that could begin only this much later than it should, in milliseconds, is counted from then. */
const LATE = 2000;
/** A try for which there is no budget comes again after this long, in milliseconds. */
const QUEUE_PAUSE = 200;
/** The likeliest places, for which the router is opened ahead of a later round: what is near needs no opening. */
const OPENED_AHEAD = 2;
/** A peer that came into sight less than this ago, in milliseconds, can have no session yet. */
const JUST_ADDED = 300;

type Contact = {
  readonly publicKey: PublicKey;
  readonly ip: Ip;
  /** By the keys, but for a newcomer and for a machine that has just moved: they start with everybody. */
  starts: boolean;
  /** Only a newcomer, so that the other one, if it is new as well, may have started at the same moment. */
  readonly defersFirstRetry: boolean;
  readonly since: number;
  /** Handshakes before this moment say nothing, in milliseconds since 1970. */
  from: number;
  /** Where it may be, the most likely place first. */
  endpoints: readonly SocketAddress[];
  /** Rounds that came to nothing since the last news, and when the first of them began. */
  round: number;
  roundStartedAt: number;
  /** Tries in this round, of the one that starts. */
  tries: number;
  stage: 'begin' | 'going' | 'over';
  /** When the next round begins, if one came to nothing. */
  nextAttemptAt: number;
  /** When the last try was sent that WireGuard would repeat; undefined when there is none. */
  sent: number | undefined;
  /** When something is to be done, in milliseconds of the monotonic clock; Infinity: when more is known. */
  due: number;
};

/** How far a server's clock is ahead of the monotonic one here: about, at least and at most; in milliseconds. */
export type ServerClock = { readonly offset: number; readonly least: number; readonly most: number };

/** Whether the first key starts the handshake with the second: the smaller one does, by its raw bytes. */
export const starts = (own: PublicKey, other: PublicKey): boolean =>
  Buffer.compare(keyBytes(own), keyBytes(other)) < 0;

/** The one of a pair that has just joined. */
export type Newcomer = 'self' | 'other';

export class Contacts {
  /** Round trip to the server in milliseconds: other peers are about as far. */
  roundTrip = 0;
  /** Whether nothing on this machine's way forgets a flow that only the other side keeps up. */
  isOpen = false;
  /** When `tick` has something to do, in milliseconds of the monotonic clock. */
  nextDue = Number.POSITIVE_INFINITY;
  readonly #own: PublicKey;
  readonly #all = new Map<PublicKey, Contact>();
  /** Those with whom there is no session, as far as is known. */
  readonly #unconnected = new Set<Contact>();
  readonly #budget = new Budget();
  readonly #openings: Openings;
  /** How far the clock on the wall is ahead of the monotonic one, in milliseconds. */
  #clockOffset = 0;
  /** The server's clock, once it has said: all its clients can agree on moments by that one. */
  serverClock: ServerClock | undefined;

  /** `fade` sends a packet to a place that opens the router here and does not arrive there. */
  constructor(own: PublicKey, fade: (place: SocketAddress) => void = () => {}) {
    this.#own = own;
    this.#openings = new Openings(this.#budget, fade);
  }

  /**
   * A peer that is to be on the device; `has` is what is there already. `now` is the monotonic clock's,
   * `wall` milliseconds since 1970. `newcomer` is which of the two has just joined.
   */
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
    const contact = this.#all.get(publicKey);
    if (!contact) return [];
    this.#all.delete(publicKey);
    this.#unconnected.delete(contact);
    this.#openings.forget(publicKey);
    return [{ kind: 'remove', publicKey }];
  }

  /**
   * Where a peer may be reached has become known or has changed; a session that stands is left alone, but the way
   * is opened for a peer that has moved.
   */
  learn(publicKey: PublicKey, endpoints: readonly SocketAddress[], now: number): Step[] {
    const contact = this.#all.get(publicKey);
    if (!contact || sameList(contact.endpoints, endpoints)) return [];
    const added = endpoints.filter((endpoint) => !contact.endpoints.includes(endpoint));
    const first = contact.endpoints[0] !== endpoints[0] ? endpoints[0] : undefined;
    contact.endpoints = endpoints;
    if (added.length === 0 && !first) return [];
    if (!this.#unconnected.has(contact)) return this.#open(contact, added, now);
    const fresh = now - contact.since < JUST_ADDED;
    contact.roundStartedAt = now;
    if (contact.starts && !first && contact.round === 0) return [];
    begin(contact, now);
    if (fresh && first && contact.starts) return this.#try(contact, now);
    this.#schedule(contact, now);
    return fresh && first ? [{ kind: 'set', publicKey, endpoint: first }] : [];
  }

  /**
   * This machine has another address: no session is known to lead anywhere, and nobody but this machine knows, so
   * that it starts with everybody. The next `tick` does.
   */
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

  /**
   * What others are told of this machine has changed: those who do not reach it begin anew at this moment, so this
   * side does too. The next `tick` does.
   */
  renew(now: number): void {
    for (const contact of this.#unconnected) {
      contact.roundStartedAt = now;
      if (contact.endpoints.length === 0 || (contact.starts && contact.round === 0)) continue;
      begin(contact, now);
      this.#schedule(contact, now);
    }
  }

  /** Does what is due, by what the device says now. */
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

  /** Finds the sessions that have ended since; the next `tick` tries those peers again. */
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

  /** Gives sessions that stand the keepalive that they need now. */
  keepUp(state: DeviceState): Step[] {
    const steps: Step[] = [];
    for (const contact of this.#all.values()) {
      const has = state.peers.get(contact.publicKey);
      if (has && !this.#unconnected.has(contact)) steps.push(...this.#keepUp(contact, has));
    }
    return steps;
  }

  /** Whether a handshake that this side starts is being tried in quick succession. */
  get isGreeting(): boolean {
    return [...this.#unconnected].some(
      ({ starts, endpoints, round, tries }) =>
        starts && endpoints.length > 0 && round === 0 && tries <= quickTries(endpoints),
    );
  }

  /** Peers that are being tried for the first time since the last news of them. */
  get meeting(): number {
    return [...this.#unconnected].filter(({ endpoints, round }) => endpoints.length > 0 && round < 2).length;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Peers on the device that are nobody: they open this machine's router. */
  get throwaways(): ReadonlySet<PublicKey> {
    return this.#openings.keys;
  }

  /**
   * Steps that leave no throwaway peer behind, and those who are still apart to WireGuard's own retries: the others may
   * be silent just now, and wait to hear of this machine.
   */
  close(now: number): Step[] {
    const steps = this.#openings.close();
    for (const {
      publicKey,
      endpoints: [endpoint],
    } of this.#unconnected)
      if (endpoint && this.#budget.take(endpoint, now))
        steps.push({ kind: 'set', publicKey, endpoint, keepalive: KEEPALIVE });
    return steps;
  }

  knows(publicKey: PublicKey): boolean {
    return this.#all.has(publicKey);
  }

  /** Whether a session with the peer stood when last looked. */
  isMet(publicKey: PublicKey): boolean {
    const contact = this.#all.get(publicKey);
    return contact !== undefined && !this.#unconnected.has(contact);
  }

  /** Whether a round came to nothing, or there is nowhere to look for the peer. */
  isUnreached(publicKey: PublicKey): boolean {
    const contact = this.#all.get(publicKey);
    return (
      contact !== undefined &&
      this.#unconnected.has(contact) &&
      (contact.round > 0 || contact.endpoints.length === 0)
    );
  }

  /** Those who wait, and those who cannot start yet: on the device, silent, for whoever comes. */
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

  /**
   * Before a round both sides open their routers by packets that do not arrive: whoever of them comes first, the other
   * router has been asked from inside by then, and nothing depends on the same moment.
   */
  #openAhead(contact: Contact, now: number): Step[] {
    this.#schedule(contact, Math.min(contact.nextAttemptAt, now + OPEN_AGAIN));
    return this.#open(contact, contact.endpoints.filter(canFade).slice(0, OPENED_AHEAD), now, 'fading');
  }

  /** A round of the one that waits: it opens its router to all places at once. */
  #wait(contact: Contact, now: number): Step[] {
    contact.stage = 'going';
    this.#schedule(contact, now + PATIENCE);
    const silence = contact.sent === undefined ? [] : [this.#silence(contact)];
    return [...silence, ...this.#open(contact, contact.endpoints, now)];
  }

  /** Whoever waits in vain starts one handshake: the other may be unable to. */
  #losePatience(contact: Contact, now: number): Step[] {
    const { publicKey } = contact;
    const endpoint = contact.endpoints[0];
    if (endpoint && !this.#budget.take(endpoint, now)) {
      this.#schedule(contact, now + QUEUE_PAUSE);
      return [];
    }
    contact.stage = 'over';
    contact.sent = now;
    this.#schedule(contact, endpoint ? now + SILENT_AFTER : Number.POSITIVE_INFINITY);
    return [{ kind: 'set', publicKey, ...(endpoint ? { endpoint } : {}), keepalive: KEEPALIVE }];
  }

  /** Making the peer anew sends an initiation at once, each time; nothing else does. */
  #try(contact: Contact, now: number): Step[] {
    const { publicKey, ip, sent } = contact;
    if (contact.round === 1 && now - contact.roundStartedAt > LOUD_FOR) return this.#fallSilent(contact, now);
    const endpoint = placeOf(contact);
    if (!endpoint || !this.#budget.take(endpoint, now)) {
      this.#schedule(contact, endpoint ? now + QUEUE_PAUSE : Number.POSITIVE_INFINITY);
      return sent !== undefined && now - sent >= SILENT_AFTER ? [this.#silence(contact)] : [];
    }
    // Where others were served before, it begins now.
    if (contact.round === 0 && contact.tries === 0 && now - contact.roundStartedAt > LATE)
      contact.roundStartedAt = now;
    contact.sent = now;
    contact.tries += 1;
    const isLong = contact.round < 2 && now - contact.roundStartedAt > LOUD_FOR;
    contact.stage = contact.tries < triesOf(contact) && !isLong ? 'going' : 'over';
    this.#schedule(contact, now + this.#pauseAfter(contact));
    return [{ kind: 'recreate', publicKey, allowedIps: [singleton(ip)], endpoint, keepalive: KEEPALIVE }];
  }

  /**
   * The end of a round that came to nothing: made anew without a keepalive the peer is silent, where WireGuard would
   * go on for 90 s; and without an endpoint it stays so, whatever this machine wants to send to it. A router that lets
   * in what it was not asked for forgets it meanwhile; and nobody who is named as a place can be kept under fire.
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

  /** The one that waits has its way open still when the other's second round comes. */
  #nextRound({ publicKey, starts, round, roundStartedAt }: Contact, now: number): number {
    if (starts && round === 1) return now + FIRST_PAUSE;
    const offset = this.#agreedOffset;
    const times = { now: now + offset, roundStartedAt: roundStartedAt + offset };
    const isFirst = round === (starts ? 2 : 1);
    return nextMark(pairNumber(this.#own, publicKey), times, isFirst) - offset;
  }

  /** The local clock unless the server has shown that it is wrong: the server's is known only within bounds. */
  get #agreedOffset(): number {
    const { least, offset, most } = this.serverClock ?? {
      least: 0,
      offset: this.#clockOffset,
      most: Infinity,
    };
    return least <= this.#clockOffset && this.#clockOffset <= most ? this.#clockOffset : offset;
  }

  #pauseAfter({ tries, round, endpoints, defersFirstRetry }: Contact): number {
    const first = Math.max(SHORTEST_PAUSE, 2 * this.roundTrip);
    const step = Math.max(SHORTEST_STEP, first);
    if (round > 0) return step;
    if (defersFirstRetry && tries === 1) return 2 * step;
    const isSlow = endpoints.length === 1 && tries > QUICK_TRIES;
    return SLOW_PAUSES[isSlow ? tries - QUICK_TRIES - 1 : -1] ?? Math.min(step, first * 2 ** (tries - 1));
  }

  #met(contact: Contact, has: PeerState): Step[] {
    this.#unconnected.delete(contact);
    contact.starts = starts(this.#own, contact.publicKey);
    contact.sent = undefined;
    return this.#keepUp(contact, has);
  }

  /**
   * The keepalive of a session that stands. Who starts keeps it up, and with it the way through the routers between;
   * the other side joins in only where it may be behind one that wants to hear from inside.
   */
  #keepUp({ publicKey, starts }: Contact, has: PeerState): Step[] {
    const keepalive = this.isOpen && !starts ? 0 : KEEPALIVE;
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

/** Heard from elsewhere, but not to the end (both may have started at once): that is the likeliest place. */
const hear = (contact: Contact, { endpoint, rxBytes }: PeerState): void => {
  if (endpoint && rxBytes > 0 && !contact.endpoints.includes(endpoint))
    contact.endpoints = [endpoint, ...contact.endpoints];
};

const isMetBy = ({ from }: Contact, has: PeerState, wall: number): boolean =>
  isLive(has, wall) && (has.latestHandshake ?? 0) > from;

/** Tries in a round; each place is tried at least once, in the first round the likeliest more than that. */
const triesOf = ({ round, endpoints }: Contact): number => {
  const several = Math.max(2, endpoints.length);
  if (round > 0) return several;
  return endpoints.length > 1 ? FIRST_TRIES + several : QUICK_TRIES + SLOW_PAUSES.length;
};

const quickTries = (endpoints: readonly SocketAddress[]): number =>
  Math.max(QUICK_TRIES, FIRST_TRIES + endpoints.length);

/** The first, then the others from the end of the list, then all over again. */
const placeOf = ({ endpoints, tries, round }: Contact): SocketAddress | undefined => {
  const turn = round > 0 ? tries : Math.max(0, tries - FIRST_TRIES + 1);
  const at = turn % Math.max(1, endpoints.length);
  return at === 0 ? endpoints[0] : endpoints.at(-at);
};

const sameList = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((item, index) => item === right[index]);
