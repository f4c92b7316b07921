/** The peers that a relay serves, and the addresses at which it hears them. */
import { hostOf, type SocketAddress } from '../values/endpoint.ts';
import type { PeerId } from '../values/id.ts';
import { type Cidr, familyOf, type Ip, networkOf } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import { Mac1 } from './mac1.ts';

/** A joined and enabled peer, as the server knows it. */
export type RelayPeer = {
  id: PeerId;
  publicKey: PublicKey;
  mailbox: PublicKey;
  /** Where WireGuard hears the peer: its mailbox is believed from there. */
  host?: Ip | undefined;
  /** The endpoint of a peer in the open, which needs no mailbox. */
  openAt?: SocketAddress | undefined;
};

/** A mailbox speaks every 5 s, or after 25 s of silence when WireGuard has given up. */
const MAX_SILENCE_MS = 60_000;
/** Between two moves of a mailbox: who replays its packets gains little. */
const MIN_STAY_MS = 1_000;
/** A handshake proves an address within this time, or never. */
const CLAIM_MS = 10_000;
const MAX_CLAIMS = 1_000;

/** An IPv6 machine has many addresses in its /64. */
const SITE_PREFIX = 64;
const siteOf = (host: Ip): string =>
  familyOf(host) === 4 ? host : networkOf(`${host}/${SITE_PREFIX}` as Cidr);

const ipOf = (address: SocketAddress): Ip => hostOf(address) as Ip;

export class Member {
  readonly id: PeerId;
  readonly publicKey: PublicKey;
  readonly mailbox: PublicKey;
  readonly ownMac: Mac1;
  readonly mailboxMac: Mac1;
  host: Ip | undefined;
  openAt: SocketAddress | undefined;
  /** Of the open mailbox. */
  mailboxAt: SocketAddress | undefined;
  /** By the monotonic clock. */
  heardAt = Number.NEGATIVE_INFINITY;
  movedAt = Number.NEGATIVE_INFINITY;
  answeredAt = Number.NEGATIVE_INFINITY;

  constructor({ id, publicKey, mailbox }: RelayPeer) {
    this.id = id;
    this.publicKey = publicKey;
    this.mailbox = mailbox;
    this.ownMac = new Mac1(publicKey);
    this.mailboxMac = new Mac1(mailbox);
  }

  /** Where packets for the peer go. */
  get address(): SocketAddress | undefined {
    return this.mailboxAt ?? this.openAt;
  }

  get sites(): Set<string> {
    const hosts = [this.host, this.mailboxAt && ipOf(this.mailboxAt), this.openAt && ipOf(this.openAt)];
    return new Set(hosts.flatMap((host) => (host === undefined ? [] : [siteOf(host)])));
  }
}

/** `claimed`: a mailbox spoke from a host that is not the peer's; nothing goes there but answers. */
export type Source = { member: Member; standing: 'proved' | 'claimed' };

/** Another's address until now, which the network has given to this one. */
export type Move = { displaced: Member | undefined };

type Place = Partial<Pick<Member, 'host' | 'openAt' | 'mailboxAt'>>;

export class Members {
  readonly #members = new Map<PeerId, Member>();
  readonly #byAddress = new Map<SocketAddress, Source>();
  readonly #bySite = new Map<string, Set<Member>>();
  readonly #claims = new Map<SocketAddress, { member: Member; until: number }>();

  get(id: PeerId): Member | undefined {
    return this.#members.get(id);
  }

  all(): Iterable<Member> {
    return this.#members.values();
  }

  /** The wanted ones from now on. Returns those that are gone, with their former keys. */
  set(peers: Iterable<RelayPeer>): Member[] {
    const wanted = new Map(Array.from(peers, (peer) => [peer.id, peer]));
    const gone = [...this.#members.values()].filter((member) => {
      const peer = wanted.get(member.id);
      return peer?.publicKey !== member.publicKey || peer.mailbox !== member.mailbox;
    });
    for (const member of gone) this.#forget(member);
    for (const [id, peer] of wanted) {
      const member = this.#members.get(id) ?? new Member(peer);
      this.#members.set(id, member);
      this.place(member, peer);
    }
    return gone;
  }

  /** `host` and `openAt` are taken as they are. */
  place(member: Member, { host, openAt }: Pick<RelayPeer, 'host' | 'openAt'>): void {
    if (member.host !== host || member.openAt !== openAt) this.#change(member, { host, openAt });
  }

  at(address: SocketAddress, now: number): Source | undefined {
    const known = this.#byAddress.get(address);
    if (known || this.#claims.size === 0) return known;
    const claim = this.#claims.get(address);
    return claim && claim.until > now ? { member: claim.member, standing: 'claimed' } : undefined;
  }

  /** Those that belong to a host, or to its /64. */
  on(host: Ip): ReadonlySet<Member> {
    return this.#bySite.get(siteOf(host)) ?? NOBODY;
  }

  isKnown(host: Ip): boolean {
    return this.on(host).size > 0;
  }

  /** IPv4 hosts, and the /64 of IPv6 ones. */
  sites(): Set<string> {
    const claimed = Array.from(this.#claims.keys(), (address) => siteOf(ipOf(address)));
    return new Set([...this.#bySite.keys(), ...claimed]);
  }

  isOpen(member: Member, now: number): boolean {
    return member.mailboxAt !== undefined && now - member.heardAt < MAX_SILENCE_MS;
  }

  /** A mailbox spoke from its peer's host. `tooSoon`: it moved just before. */
  hear(member: Member, address: SocketAddress, now: number): 'same' | 'tooSoon' | Move {
    if (member.mailboxAt === address) {
      member.heardAt = now;
      return 'same';
    }
    if (now - member.movedAt < MIN_STAY_MS) return 'tooSoon';
    return this.move(member, address, now);
  }

  move(member: Member, address: SocketAddress, now: number): Move {
    const previous = this.#byAddress.get(address)?.member;
    const displaced = previous !== member && previous?.mailboxAt === address ? previous : undefined;
    if (displaced) this.#change(displaced, { mailboxAt: undefined });
    this.#claims.delete(address);
    Object.assign(member, { heardAt: now, movedAt: now });
    this.#change(member, { mailboxAt: address });
    return { displaced };
  }

  claim(member: Member, address: SocketAddress, now: number): void {
    this.#claims.delete(address);
    if (this.#claims.size >= MAX_CLAIMS) return;
    this.#claims.set(address, { member, until: now + CLAIM_MS });
  }

  /** An address that it claimed before its host was known. */
  claimAtHome(member: Member, now: number): SocketAddress | undefined {
    for (const [address, claim] of this.#claims)
      if (claim.member === member && claim.until > now && this.on(ipOf(address)).has(member)) return address;
    return undefined;
  }

  /** Forgets the addresses of silent mailboxes; returns whose. */
  expire(now: number): Member[] {
    for (const [address, { until }] of this.#claims) if (until <= now) this.#claims.delete(address);
    const silent = [...this.#members.values()].filter(
      (member) => member.mailboxAt !== undefined && !this.isOpen(member, now),
    );
    for (const member of silent) this.#change(member, { mailboxAt: undefined });
    return silent;
  }

  #forget(member: Member): void {
    this.#change(member, { host: undefined, openAt: undefined, mailboxAt: undefined });
    for (const [address, claim] of this.#claims) if (claim.member === member) this.#claims.delete(address);
    this.#members.delete(member.id);
  }

  #change(member: Member, place: Place): void {
    for (const site of member.sites) this.#leave(site, member);
    for (const address of [member.mailboxAt, member.openAt])
      if (address && this.#byAddress.get(address)?.member === member) this.#byAddress.delete(address);
    Object.assign(member, place);
    for (const site of member.sites)
      this.#bySite.set(site, (this.#bySite.get(site) ?? new Set()).add(member));
    for (const address of [member.openAt, member.mailboxAt])
      if (address) this.#byAddress.set(address, { member, standing: 'proved' });
  }

  #leave(site: string, member: Member): void {
    const there = this.#bySite.get(site);
    there?.delete(member);
    if (there?.size === 0) this.#bySite.delete(site);
  }
}

const NOBODY: ReadonlySet<Member> = new Set();
