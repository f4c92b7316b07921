/** WireGuard's sessions between pairs, as a relay learns them from handshakes: the indices by which each end receives. */
import type { SocketAddress } from '../values/endpoint.ts';
import type { PeerId } from '../values/id.ts';

/** WireGuard's REJECT_AFTER_TIME, and what a packet is under way. */
export const SESSION_MS = 185_000;
/** A device has at most three of a pair; a response may have been lost. */
const MAX_PER_PAIR = 6;

export type End = { peer: PeerId; index: number };

export type Session = {
  readonly ends: readonly [End, End];
  /** By the monotonic clock. */
  readonly startedAt: number;
};

/** The end that receives what this peer sends. */
export const otherEnd = ({ ends: [left, right] }: Session, peer: PeerId): End =>
  left.peer === peer ? right : left;

const pairOf = (left: PeerId, right: PeerId): string =>
  left < right ? `${left} ${right}` : `${right} ${left}`;

export class Sessions {
  readonly #max: number;
  /** Oldest first. */
  readonly #all = new Set<Session>();
  /** By sender, then by the index to which it sends. */
  readonly #bySender = new Map<PeerId, Map<number, Session>>();
  /** Oldest first. */
  readonly #byPair = new Map<string, Session[]>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#all.size;
  }

  get pairCount(): number {
    return this.#byPair.size;
  }

  all(): Iterable<Session> {
    return this.#all;
  }

  of(peer: PeerId): Iterable<Session> {
    return this.#bySender.get(peer)?.values() ?? [];
  }

  /** The session in which a peer sends to that index. */
  towards(sender: PeerId, index: number, now: number): Session | undefined {
    const session = this.#bySender.get(sender)?.get(index);
    return session && now - session.startedAt < SESSION_MS ? session : undefined;
  }

  newest(left: PeerId, right: PeerId): Session | undefined {
    return this.#byPair.get(pairOf(left, right))?.at(-1);
  }

  /** Returns those that end for it; undefined: an index is that of another peer, from whom nobody takes it. */
  add(session: Session): Session[] | undefined {
    const [left, right] = session.ends;
    const pairKey = pairOf(left.peer, right.peer);
    const same = [
      this.#bySender.get(left.peer)?.get(right.index),
      this.#bySender.get(right.peer)?.get(left.index),
    ];
    const isTaken = (old: Session | undefined): boolean =>
      old !== undefined && pairOf(old.ends[0].peer, old.ends[1].peer) !== pairKey;
    if (same.some(isTaken)) return undefined;
    const ended = this.#inItsPlace(pairKey, same);
    for (const old of ended) this.end(old);
    this.#all.add(session);
    this.#sentBy(left.peer).set(right.index, session);
    this.#sentBy(right.peer).set(left.index, session);
    this.#byPair.set(pairKey, [...(this.#byPair.get(pairKey) ?? []), session]);
    return ended;
  }

  end(session: Session): void {
    if (!this.#all.delete(session)) return;
    const [left, right] = session.ends;
    this.#sentNoMore(left.peer, right.index);
    this.#sentNoMore(right.peer, left.index);
    const pair = pairOf(left.peer, right.peer);
    const rest = (this.#byPair.get(pair) ?? []).filter((other) => other !== session);
    if (rest.length > 0) this.#byPair.set(pair, rest);
    else this.#byPair.delete(pair);
  }

  /** Ends those whose time is over, and returns them. */
  expire(now: number): Session[] {
    const ended: Session[] = [];
    for (const session of this.#all) {
      if (now - session.startedAt < SESSION_MS) break;
      ended.push(session);
    }
    for (const session of ended) this.end(session);
    return ended;
  }

  #inItsPlace(pair: string, same: readonly (Session | undefined)[]): Session[] {
    const known = this.#byPair.get(pair) ?? [];
    const ended = new Set(known.slice(0, Math.max(0, known.length + 1 - MAX_PER_PAIR)));
    for (const old of same) if (old) ended.add(old);
    const [oldest] = this.#all;
    if (this.#all.size - ended.size >= this.#max && oldest) ended.add(oldest);
    return [...ended];
  }

  #sentBy(peer: PeerId): Map<number, Session> {
    const sent = this.#bySender.get(peer) ?? new Map<number, Session>();
    this.#bySender.set(peer, sent);
    return sent;
  }

  #sentNoMore(peer: PeerId, index: number): void {
    const sent = this.#bySender.get(peer);
    sent?.delete(index);
    if (sent?.size === 0) this.#bySender.delete(peer);
  }
}

/** Until its response: who began it, and from where. */
export type Handshake = { from: PeerId; at: SocketAddress; to: PeerId; index: number; until: number };

/** WireGuard begins again after 5 s. */
const HANDSHAKE_MS = 10_000;

/** Initiations that were passed on and wait for a response. */
export class Handshakes {
  readonly #max: number;
  /** Oldest first. */
  readonly #waiting = new Map<string, Handshake>();

  constructor(max: number) {
    this.#max = max;
  }

  /** False: there are too many, or another peer's waits with that index. */
  add(handshake: Omit<Handshake, 'until'>, now: number): boolean {
    this.expire(now);
    const key = keyOf(handshake.to, handshake.index);
    const known = this.#waiting.get(key);
    if (known ? known.from !== handshake.from : this.#waiting.size >= this.#max) return false;
    this.#waiting.delete(key);
    this.#waiting.set(key, { ...handshake, until: now + HANDSHAKE_MS });
    return true;
  }

  answeredBy(peer: PeerId, index: number, now: number): Handshake | undefined {
    const handshake = this.#waiting.get(keyOf(peer, index));
    return handshake && handshake.until > now ? handshake : undefined;
  }

  delete({ to, index }: Handshake): void {
    this.#waiting.delete(keyOf(to, index));
  }

  keep(may: (left: PeerId, right: PeerId) => boolean): void {
    for (const [key, { from, to }] of this.#waiting) if (!may(from, to)) this.#waiting.delete(key);
  }

  expire(now: number): void {
    for (const [key, { until }] of this.#waiting) {
      if (until > now) break;
      this.#waiting.delete(key);
    }
  }
}

const keyOf = (to: PeerId, index: number): string => `${to} ${index}`;
