/**
 * Who starts the handshake with whom, and when it is tried again. If both ends of a pair initiate before they hear
 * of each other, both lose five seconds: so the one with the smaller key starts, the other waits. No I/O.
 */
import type { SocketAddress } from '../values/endpoint.ts';
import { type Ip, singleton } from '../values/ip.ts';
import { keyBytes, type PublicKey } from '../values/key.ts';
import { type DeviceState, isLive, type PeerState, type Step } from '../wireguard/device.ts';
import { Budget } from './budget.ts';
import type { Pair } from './pins.ts';

/** Persistent keepalive of every tunnel that stands, in seconds: innernet's. */
export const KEEPALIVE = 25;
/** The one that waits starts keepalives of its own after this long, in milliseconds. */
const PATIENCE = 2000;
/**
 * The shortest time to the second try, in milliseconds; each further one waits twice as long, up to a limit at which
 * two that have crossed are mended soon. Never below 20: WireGuard drops what comes faster from one peer.
 */
const SHORTEST_PAUSE = 50;
const LONGEST_QUICK_PAUSE = 300;
const QUICK_TRIES = 6;
/** After the quick tries, in milliseconds; the last one for ever. */
const LONG_PAUSES = [1000, 2000, 5000, 30_000, 60_000] as const;
/** A try for which there is no budget comes again after this long, in milliseconds. */
const QUEUE_PAUSE = 200;
/** A peer that came into sight less than this ago, in milliseconds, can have no session yet. */
const JUST_ADDED = 300;

type Contact = {
  readonly publicKey: PublicKey;
  readonly ip: Ip;
  readonly starts: boolean;
  readonly since: number;
  /** Where it may be, the most likely place first. */
  endpoints: readonly SocketAddress[];
  tries: number;
  /** When something is to be done, in milliseconds of the monotonic clock; Infinity: when more is known. */
  due: number;
};

/** Whether the first key starts the handshake with the second: the smaller one does, by its raw bytes. */
export const starts = (own: PublicKey, other: PublicKey): boolean =>
  Buffer.compare(keyBytes(own), keyBytes(other)) < 0;

export class Contacts {
  /** Round trip to the server in milliseconds: other peers are about as far. */
  roundTrip = 0;
  /** When `tick` has something to do, in milliseconds of the monotonic clock. */
  nextDue = Number.POSITIVE_INFINITY;
  readonly #own: PublicKey;
  readonly #all = new Map<PublicKey, Contact>();
  /** Those with whom there is no session, as far as is known. */
  readonly #apart = new Set<Contact>();
  readonly #budget = new Budget();

  constructor(own: PublicKey) {
    this.#own = own;
  }

  /**
   * A peer that is to be on the device; `has` is what is there already. `now` is the monotonic clock's,
   * `wall` milliseconds since 1970.
   */
  add(
    { publicKey, ip }: Pair,
    endpoints: readonly SocketAddress[],
    { now, wall, has }: { now: number; wall: number; has?: PeerState | undefined },
  ): Step[] {
    const contact: Contact = {
      publicKey,
      ip,
      starts: starts(this.#own, publicKey),
      since: now,
      endpoints,
      tries: 0,
      due: Number.POSITIVE_INFINITY,
    };
    this.#all.set(publicKey, contact);
    if (has && isLive(has, wall)) return this.#met(contact, has);
    this.#apart.add(contact);
    if (has?.latestHandshake !== undefined && !contact.starts) return [this.#plain(contact, now)];
    if (contact.starts && endpoints.length > 0) {
      const [step] = this.#try(contact, now);
      if (step) return [step];
    }
    return [this.#plain(contact, now)];
  }

  remove(publicKey: PublicKey): Step[] {
    const contact = this.#all.get(publicKey);
    if (!contact) return [];
    this.#all.delete(publicKey);
    this.#apart.delete(contact);
    return [{ kind: 'remove', publicKey }];
  }

  /** Where a peer may be reached has become known or has changed; a session that stands is left alone. */
  learn(publicKey: PublicKey, endpoints: readonly SocketAddress[], now: number): Step[] {
    const contact = this.#all.get(publicKey);
    if (!contact || sameList(contact.endpoints, endpoints)) return [];
    const news = contact.endpoints[0] !== endpoints[0];
    contact.endpoints = endpoints;
    if (!news || !endpoints[0] || !this.#apart.has(contact)) return [];
    const fresh = now - contact.since < JUST_ADDED;
    contact.tries = 0;
    if (!contact.starts) return fresh ? [{ kind: 'set', publicKey, endpoint: endpoints[0] }] : [];
    if (fresh) return this.#try(contact, now);
    this.#schedule(contact, now);
    return [];
  }

  /** Does what is due, by what the device says now. */
  tick(state: DeviceState, now: number, wall: number): Step[] {
    const steps: Step[] = [];
    this.nextDue = Number.POSITIVE_INFINITY;
    for (const contact of this.#apart) {
      const has = state.peers.get(contact.publicKey);
      if (has && isLive(has, wall)) steps.push(...this.#met(contact, has));
      else if (contact.due <= now) steps.push(...this.#act(contact, now));
      this.nextDue = Math.min(
        this.nextDue,
        this.#apart.has(contact) ? contact.due : Number.POSITIVE_INFINITY,
      );
    }
    return steps;
  }

  /** Finds the sessions that have ended since; the next `tick` tries those peers again. */
  review(state: DeviceState, now: number, wall: number): void {
    for (const contact of this.#all.values()) {
      const has = state.peers.get(contact.publicKey);
      if (this.#apart.has(contact) || (has && isLive(has, wall))) continue;
      contact.tries = 0;
      this.#apart.add(contact);
      if (has?.endpoint && !contact.endpoints.includes(has.endpoint))
        contact.endpoints = [has.endpoint, ...contact.endpoints];
      this.#schedule(
        contact,
        contact.starts && contact.endpoints.length > 0 ? now : Number.POSITIVE_INFINITY,
      );
    }
  }

  /** Whether a handshake that this side starts is being tried in quick succession. */
  get isGreeting(): boolean {
    return [...this.#apart].some(
      ({ starts, endpoints, tries }) => starts && endpoints.length > 0 && tries <= quickTries(endpoints),
    );
  }

  get size(): number {
    return this.#all.size;
  }

  knows(publicKey: PublicKey): boolean {
    return this.#all.has(publicKey);
  }

  /** Whether a session with the peer stood when last looked. */
  isMet(publicKey: PublicKey): boolean {
    const contact = this.#all.get(publicKey);
    return contact !== undefined && !this.#apart.has(contact);
  }

  /** Those who wait, and those who cannot start yet: on the device, silent, for whoever comes. */
  #plain(contact: Contact, now: number): Step {
    const { publicKey, ip, endpoints } = contact;
    if (!contact.starts) this.#schedule(contact, now + PATIENCE);
    return {
      kind: 'set',
      publicKey,
      allowedIps: [singleton(ip)],
      ...(endpoints[0] ? { endpoint: endpoints[0] } : {}),
      keepalive: 0,
    };
  }

  #act(contact: Contact, now: number): Step[] {
    if (contact.starts) return this.#try(contact, now);
    contact.due = Number.POSITIVE_INFINITY;
    return [{ kind: 'set', publicKey: contact.publicKey, keepalive: KEEPALIVE }];
  }

  /** Making the peer anew sends an initiation at once, each time; nothing else does. */
  #try(contact: Contact, now: number): Step[] {
    const { publicKey, ip } = contact;
    const endpoint = this.#nextEndpoint(contact);
    if (!endpoint || !this.#budget.take(endpoint, now)) {
      this.#schedule(contact, endpoint ? now + QUEUE_PAUSE : Number.POSITIVE_INFINITY);
      return [];
    }
    contact.tries += 1;
    this.#schedule(contact, now + this.#pauseAfter(contact));
    return [{ kind: 'recreate', publicKey, allowedIps: [singleton(ip)], endpoint, keepalive: KEEPALIVE }];
  }

  /** The first, then the others from the end of the list, then all over again. */
  #nextEndpoint({ endpoints, tries }: Contact): SocketAddress | undefined {
    const turn = tries % Math.max(1, endpoints.length);
    return turn === 0 ? endpoints[0] : endpoints.at(-turn);
  }

  #pauseAfter({ tries, endpoints }: Contact): number {
    const quick = quickTries(endpoints);
    if (tries > quick) return LONG_PAUSES[Math.min(tries - quick, LONG_PAUSES.length) - 1] ?? 60_000;
    const first = Math.max(SHORTEST_PAUSE, 2 * this.roundTrip);
    return Math.min(Math.max(LONGEST_QUICK_PAUSE, first), first * 2 ** (tries - 1));
  }

  #met(contact: Contact, has: PeerState): Step[] {
    this.#apart.delete(contact);
    contact.tries = 0;
    return has.keepalive === KEEPALIVE
      ? []
      : [{ kind: 'set', publicKey: contact.publicKey, keepalive: KEEPALIVE }];
  }

  #schedule(contact: Contact, due: number): void {
    contact.due = due;
    this.nextDue = Math.min(this.nextDue, due);
  }
}

/** Each place is tried at least once. */
const quickTries = (endpoints: readonly SocketAddress[]): number => Math.max(QUICK_TRIES, endpoints.length);

const sameList = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((item, index) => item === right[index]);
