/**
 * What a relay does with each packet, as data. Packets of WireGuard pass unread and unchanged between peers that
 * may talk: handshakes by address and `mac1`, all else by the receiver's index. One in, at most one out.
 */
import { hostOf, type SocketAddress } from '../values/endpoint.ts';
import type { PeerId } from '../values/id.ts';
import type { Ip } from '../values/ip.ts';
import { Allowances, type Rate } from './allowance.ts';
import { HeldInitiations } from './held-initiations.ts';
import { Mac1Search, type SearchLimits } from './mac1-search.ts';
import { type Member, Members, type Move, type RelayPeer, type Source } from './members.ts';
import { type Message, messageIn } from './packets.ts';
import { Handshakes, otherEnd, SESSION_MS, type Session, Sessions } from './sessions.ts';
import { ToldWays, type WayEffect } from './told-ways.ts';

export type Effect =
  | { kind: 'send'; to: SocketAddress; packet: Uint8Array }
  | WayEffect
  | { kind: 'mailbox'; peer: PeerId; isOpen: boolean }
  /** A mailbox spoke from a host that is not known to be its peer's: worth a look at where the peer is. */
  | { kind: 'claim' };

/** Why a packet went nowhere. */
const REASONS = [
  'malformed',
  'stranger',
  'tooOften',
  'busy',
  'movesTooOften',
  'otherHost',
  'forNobody',
  'waits',
  'full',
  'unasked',
  'unknownIndex',
  'noAddress',
] as const;
export type Reason = (typeof REASONS)[number];

export type RelayLimits = SearchLimits & {
  /** Of one host. */
  handshakes: Rate;
  sessions: number;
  waitingHandshakes: number;
};

export const LIMITS: RelayLimits = {
  tries: { perSecond: 20_000, burst: 40_000 },
  triesOfOne: { perSecond: 2_000, burst: 20_000 },
  triesForStrangers: { perSecond: 2_000, burst: 2_000 },
  handshakes: { perSecond: 100, burst: 1_000 },
  sessions: 100_000,
  waitingHandshakes: 10_000,
};
const MAX_HOSTS = 10_000;

/** Opens the router that the mailbox's packet came through in both directions; WireGuard discards it. */
const ANSWER = new Uint8Array(4);
/** Less than the 25 s at which a mailbox speaks at least; what it sends keeps an open router open. */
const ANSWER_EVERY_MS = 20_000;

const NOTHING: readonly Effect[] = [];
const CLAIM: readonly Effect[] = [{ kind: 'claim' }];

export class Relay {
  readonly #members = new Members();
  readonly #sessions: Sessions;
  readonly #handshakes: Handshakes;
  readonly #held = new HeldInitiations();
  readonly #search: Mac1Search;
  readonly #rates: Allowances<Ip>;
  readonly #counts = new Map<Reason, number>(REASONS.map((reason) => [reason, 0]));
  readonly #ways = new ToldWays((peer) => this.#members.get(peer)?.address);
  #sees: (left: PeerId, right: PeerId) => boolean = () => false;
  #passed = { packets: 0, bytes: 0 };

  constructor(limits: RelayLimits = LIMITS) {
    this.#sessions = new Sessions(limits.sessions);
    this.#handshakes = new Handshakes(limits.waitingHandshakes);
    this.#search = new Mac1Search(this.#members, (left, right) => this.#mayTalk(left, right), limits);
    this.#rates = new Allowances(limits.handshakes, MAX_HOSTS);
  }

  /** Whom it serves, and which two see each other: what no longer may is over with this call. */
  setPeers(
    peers: Iterable<RelayPeer>,
    sees: (left: PeerId, right: PeerId) => boolean,
    now: number,
  ): readonly Effect[] {
    const gone = new Set(this.#members.set(peers).map(({ id }) => id));
    this.#sees = sees;
    const may = (left: PeerId, right: PeerId): boolean =>
      !gone.has(left) && !gone.has(right) && this.#mayTalk(left, right);
    this.#search.forget();
    this.#handshakes.keep(may);
    this.#held.keep(may);
    const over = [...this.#sessions.all()].filter(({ ends: [left, right] }) => !may(left.peer, right.peer));
    const closed = Array.from(gone, (peer): Effect => ({ kind: 'mailbox', peer, isOpen: false }));
    return [...this.#end(over), ...this.#ways.level(this.#sessions.all(), now), ...closed];
  }

  /** Where a peer is heard outside of the relay. */
  setPlace(id: PeerId, place: Pick<RelayPeer, 'host' | 'openAt'>, now: number): readonly Effect[] {
    const member = this.#members.get(id);
    if (!member) return NOTHING;
    const before = member.address;
    this.#members.place(member, place);
    const claimed = this.#members.claimAtHome(member, now);
    if (claimed) return [this.#send(ANSWER, claimed), ...this.#moveTo(member, claimed, now)];
    return member.address === before ? NOTHING : this.#ways.level(this.#sessions.of(id), now);
  }

  /** `now` in monotonic ms. */
  receive(packet: Uint8Array, from: SocketAddress, now: number): readonly Effect[] {
    const message = messageIn(packet);
    if (!message) return this.#drop('malformed');
    if (message.kind === 'data') return this.#data(packet, message.receiver, from, now);
    const host = hostOf(from) as Ip;
    if (this.#members.isKnown(host) && !this.#rates.take(host, now)) return this.#drop('tooOften');
    if (message.kind === 'initiation') return this.#initiation(packet, message.sender, from, now);
    return this.#answer(packet, message, from, now);
  }

  /** Forgets what is over. At least once in some seconds. */
  expire(now: number): readonly Effect[] {
    this.#handshakes.expire(now);
    this.#held.expire(now);
    const effects = this.#end(this.#sessions.expire(now));
    return [...effects, ...this.#members.expire(now).flatMap(({ id }) => this.#closed(id, now))];
  }

  /** By which `peer` and `other` receive in their newest session; in network byte order. */
  indicesOf(peer: PeerId, other: PeerId): { own: number; others: number } | undefined {
    const session = this.#sessions.newest(peer, other);
    if (!session) return undefined;
    return { own: otherEnd(session, other).index, others: otherEnd(session, peer).index };
  }

  /** Whose mailbox is open. */
  openPeers(now: number): PeerId[] {
    return Array.from(this.#members.all())
      .filter((member) => this.#members.isOpen(member, now))
      .map(({ id }) => id);
  }

  /** From which packets are worth a look: IPv4 hosts, and the /64 of IPv6 ones. */
  sites(): Set<string> {
    return this.#members.sites();
  }

  get counts(): {
    passed: { packets: number; bytes: number };
    dropped: ReadonlyMap<Reason, number>;
    pairs: number;
  } {
    return { passed: this.#passed, dropped: this.#counts, pairs: this.#sessions.pairCount };
  }

  /** What outlives the program. */
  *addresses(): Generator<{ id: PeerId; address: SocketAddress }> {
    for (const { id, mailboxAt } of this.#members.all()) if (mailboxAt) yield { id, address: mailboxAt };
  }

  sessions(): Iterable<Session> {
    return this.#sessions.all();
  }

  /** What an earlier run knew, of peers that are served now and may talk. */
  restore(
    addresses: Iterable<{ id: PeerId; address: SocketAddress }>,
    sessions: Iterable<Session>,
    now: number,
  ): readonly Effect[] {
    const opened: Effect[] = [];
    for (const { id, address } of addresses) {
      const member = this.#members.get(id);
      if (!member) continue;
      this.#members.move(member, address, now);
      opened.push({ kind: 'mailbox', peer: id, isOpen: true });
    }
    for (const session of sessions) {
      const [left, right] = session.ends;
      if (now - session.startedAt >= SESSION_MS || !this.#mayTalk(left.peer, right.peer)) continue;
      this.#sessions.add(session);
    }
    return [...this.#ways.level(this.#sessions.all(), now), ...opened];
  }

  #data(packet: Uint8Array, index: number, from: SocketAddress, now: number): readonly Effect[] {
    const source = this.#members.at(from, now);
    if (!source) return this.#dataOfOtherPort(packet, index, from, now);
    const session = this.#sessions.towards(source.member.id, index, now);
    if (!session) return this.#drop('unknownIndex');
    const passed = this.#pass(packet, otherEnd(session, source.member.id).peer);
    if (source.standing === 'proved') return passed;
    // Only who got the response knows this index: the peer can be reached there.
    return [...passed, ...this.#moveTo(source.member, from, now)];
  }

  /**
   * A router has changed the port in the middle of a session. Nothing here shows whether that is so: the packet
   * passes, and the way back waits for the mailbox.
   */
  #dataOfOtherPort(packet: Uint8Array, index: number, from: SocketAddress, now: number): readonly Effect[] {
    const host = hostOf(from) as Ip;
    for (const { id, address } of this.#members.on(host)) {
      if (!address || hostOf(address) !== host) continue;
      const session = this.#sessions.towards(id, index, now);
      if (session) return this.#pass(packet, otherEnd(session, id).peer);
    }
    return this.#drop('stranger');
  }

  #initiation(packet: Uint8Array, index: number, from: SocketAddress, now: number): readonly Effect[] {
    const source = this.#members.at(from, now);
    if (source) {
      const { member } = source;
      if (member.mailboxMac.isOf(packet)) return this.#hear(member, from, now);
      const other = this.#search.meant(member, packet, now);
      if (other === 'busy') return this.#drop('busy');
      if (other) return this.#begin(packet, index, source, other, from, now);
    }
    const owner =
      this.#search.expected(packet, from, now) ?? (source ? undefined : this.#search.guessed(packet, now));
    if (owner) return this.#hear(owner, from, now);
    return this.#drop(source ? 'forNobody' : 'stranger');
  }

  #begin(
    packet: Uint8Array,
    index: number,
    { member: { id } }: Source,
    to: Member,
    from: SocketAddress,
    now: number,
  ): readonly Effect[] {
    if (!this.#handshakes.add({ from: id, at: from, to: to.id, index }, now)) return this.#drop('full');
    if (to.address) return this.#pass(packet, to.id);
    this.#held.hold({ from: id, to: to.id, packet }, now);
    return this.#drop('waits');
  }

  /** A response or a cookie. */
  #answer(
    packet: Uint8Array,
    message: Extract<Message, { receiver: number }>,
    from: SocketAddress,
    now: number,
  ): readonly Effect[] {
    const source = this.#members.at(from, now);
    if (!source) return this.#drop('stranger');
    const { id } = source.member;
    const handshake = this.#handshakes.answeredBy(id, message.receiver, now);
    if (!handshake) return this.#cookieOfInitiator(packet, message, id, now);
    if (message.kind !== 'response') return [this.#send(packet, handshake.at)];
    if (!this.#members.get(handshake.from)?.ownMac.isOf(packet)) return this.#drop('unasked');
    const session: Session = {
      ends: [
        { peer: handshake.from, index: handshake.index },
        { peer: id, index: message.sender },
      ],
      startedAt: now,
    };
    const ended = this.#sessions.add(session);
    if (!ended) return this.#drop('full');
    this.#handshakes.delete(handshake);
    return [
      this.#send(packet, handshake.at),
      ...this.#ways.close(ended),
      ...this.#ways.level([session], now),
    ];
  }

  /** To a response one may answer with a cookie. */
  #cookieOfInitiator(
    packet: Uint8Array,
    { kind, receiver }: Extract<Message, { receiver: number }>,
    id: PeerId,
    now: number,
  ): readonly Effect[] {
    const session = kind === 'cookie' ? this.#sessions.towards(id, receiver, now) : undefined;
    return session ? this.#pass(packet, otherEnd(session, id).peer) : this.#drop('unasked');
  }

  #hear(member: Member, from: SocketAddress, now: number): readonly Effect[] {
    if (!this.#members.on(hostOf(from) as Ip).has(member)) {
      this.#members.claim(member, from, now);
      this.#drop('otherHost');
      return CLAIM;
    }
    const heard = this.#members.hear(member, from, now);
    if (heard === 'tooSoon') return this.#drop('movesTooOften');
    if (heard === 'same' && now - member.answeredAt < ANSWER_EVERY_MS) return NOTHING;
    member.answeredAt = now;
    const answer = this.#send(ANSWER, from);
    return heard === 'same' ? [answer] : [answer, ...this.#moved(member, heard, now)];
  }

  #moveTo(member: Member, address: SocketAddress, now: number): readonly Effect[] {
    return this.#moved(member, this.#members.move(member, address, now), now);
  }

  /** The peer has an address: what waited for it goes there. */
  #moved(member: Member, { displaced }: Move, now: number): readonly Effect[] {
    const held = this.#held.take(member.id, now).flatMap(({ packet }) => this.#pass(packet, member.id));
    const others = displaced ? this.#closed(displaced.id, now) : [];
    const open: Effect = { kind: 'mailbox', peer: member.id, isOpen: true };
    return [...held, ...others, ...this.#ways.level(this.#sessions.of(member.id), now), open];
  }

  #closed(id: PeerId, now: number): Effect[] {
    return [...this.#ways.level(this.#sessions.of(id), now), { kind: 'mailbox', peer: id, isOpen: false }];
  }

  #pass(packet: Uint8Array, to: PeerId): readonly Effect[] {
    const address = this.#members.get(to)?.address;
    return address ? [this.#send(packet, address)] : this.#drop('noAddress');
  }

  #send(packet: Uint8Array, to: SocketAddress): Effect {
    this.#passed.packets += 1;
    this.#passed.bytes += packet.length;
    return { kind: 'send', to, packet };
  }

  #drop(reason: Reason): readonly Effect[] {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    return NOTHING;
  }

  #mayTalk(left: PeerId, right: PeerId): boolean {
    if (left === right || !this.#members.get(left) || !this.#members.get(right)) return false;
    return this.#sees(left, right) && this.#sees(right, left);
  }

  #end(sessions: readonly Session[]): Effect[] {
    for (const session of sessions) this.#sessions.end(session);
    return this.#ways.close(sessions);
  }
}
