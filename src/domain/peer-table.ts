/** The peers of a network by name, address, key and CIDR, and what deleted ones leave retired. */
import type { CidrId, PeerId } from '../values/id.ts';
import type { Ip } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import { type Collection, drop, type Mapping, mapOver, put, setOver } from './layered.ts';
import { isPlain, type Peer } from './peer.ts';

/** A remaining member keeps its place, so that a network read back from JSON has the same order. */
const keepIf = <V>(belongs: boolean, set: Collection<V>, value: V): void => {
  if (belongs) set.add(value);
  else set.delete(value);
};

/** A field that is taken back is absent, as in a stored state. */
const withoutUndefined = (peer: Peer): Peer =>
  Object.values(peer).includes(undefined)
    ? (Object.fromEntries(Object.entries(peer).filter(([, value]) => value !== undefined)) as Peer)
    : peer;

export class PeerTable {
  readonly #peers: Mapping<PeerId, Peer>;
  readonly #byName: Mapping<string, PeerId>;
  readonly #byIp: Mapping<Ip, PeerId>;
  readonly #byKey: Mapping<PublicKey, PeerId>;
  readonly #byCidr: Mapping<CidrId, Collection<PeerId>>;
  readonly #invited: Collection<PeerId>;
  readonly #admins: Collection<PeerId>;
  readonly #ending: Collection<PeerId>;
  readonly #relays: Collection<PeerId>;
  readonly #plain: Collection<PeerId>;
  readonly #worded: Collection<PeerId>;
  readonly #standbys: Collection<PeerId>;
  readonly #retiredIps: Collection<Ip>;
  readonly #retiredKeys: Collection<PublicKey>;
  #nextId: number;

  constructor(below?: PeerTable) {
    this.#peers = mapOver(below ? below.#peers : undefined);
    this.#byName = mapOver(below ? below.#byName : undefined);
    this.#byIp = mapOver(below ? below.#byIp : undefined);
    this.#byKey = mapOver(below ? below.#byKey : undefined);
    this.#byCidr = mapOver(below ? below.#byCidr : undefined, setOver);
    this.#invited = setOver(below ? below.#invited : undefined);
    this.#admins = setOver(below ? below.#admins : undefined);
    this.#ending = setOver(below ? below.#ending : undefined);
    this.#relays = setOver(below ? below.#relays : undefined);
    this.#plain = setOver(below ? below.#plain : undefined);
    this.#worded = setOver(below ? below.#worded : undefined);
    this.#standbys = setOver(below ? below.#standbys : undefined);
    this.#retiredIps = setOver(below ? below.#retiredIps : undefined);
    this.#retiredKeys = setOver(below ? below.#retiredKeys : undefined);
    this.#nextId = below ? below.#nextId : 1;
  }

  get nextId(): PeerId {
    return this.#nextId as PeerId;
  }

  get size(): number {
    return this.#peers.size;
  }

  all(): Iterable<Peer> {
    return this.#peers.values();
  }

  get(id: PeerId): Peer | undefined {
    return this.#peers.get(id);
  }

  named(name: string): Peer | undefined {
    return this.#found(this.#byName.get(name));
  }

  at(ip: Ip): Peer | undefined {
    return this.#found(this.#byIp.get(ip));
  }

  withKey(key: PublicKey): Peer | undefined {
    return this.#found(this.#byKey.get(key));
  }

  in(cidrId: CidrId): Iterable<Peer> {
    return this.#those(this.#byCidr.get(cidrId) ?? []);
  }

  hasAnyIn(cidrId: CidrId): boolean {
    return this.#byCidr.has(cidrId);
  }

  invited(): Iterable<Peer> {
    return this.#those(this.#invited);
  }

  /** Includes invited and disabled ones. */
  admins(): Iterable<Peer> {
    return this.#those(this.#admins);
  }

  ending(): Iterable<Peer> {
    return this.#those(this.#ending);
  }

  /** Includes disabled ones. */
  relays(): Iterable<Peer> {
    return this.#those(this.#relays);
  }

  /** Includes disabled ones. */
  plain(): Iterable<Peer> {
    return this.#those(this.#plain);
  }

  /** Includes disabled ones. */
  standbys(): Iterable<PeerId> {
    return this.#standbys;
  }

  /** Whether programs have said of limits what they do. */
  get isAnyWordKnown(): boolean {
    return this.#worded.size > 0;
  }

  /** No peer, living or deleted, has the address. */
  isFree(ip: Ip): boolean {
    return !this.#byIp.has(ip) && !this.#retiredIps.has(ip);
  }

  isRetiredIp(ip: Ip): boolean {
    return this.#retiredIps.has(ip);
  }

  isRetiredKey(key: PublicKey): boolean {
    return this.#retiredKeys.has(key);
  }

  retiredIps(): Iterable<Ip> {
    return this.#retiredIps;
  }

  retiredKeys(): Iterable<PublicKey> {
    return this.#retiredKeys;
  }

  add(peer: Peer): void {
    this.#peers.set(peer.id, peer);
    this.#index(peer);
    put(this.#byCidr, peer.cidrId, peer.id);
    this.#nextId = Math.max(this.#nextId, peer.id + 1);
  }

  change(id: PeerId, change: Partial<Peer>): void {
    const before = this.#peers.get(id);
    if (!before) return;
    const after = withoutUndefined({ ...before, ...change });
    this.#unindex(before);
    if (after.publicKey !== before.publicKey) this.#retiredKeys.add(before.publicKey);
    this.#peers.set(id, after);
    this.#index(after);
  }

  unvouch(): void {
    for (const { isVouchedFor, ...peer } of [...this.#peers.values()])
      if (isVouchedFor) this.#peers.set(peer.id, peer);
  }

  /** Frees name and address, not the key. */
  forget(id: PeerId): Peer | undefined {
    const peer = this.#peers.get(id);
    if (!peer) return undefined;
    this.#unindex(peer);
    this.#admins.delete(id);
    this.#invited.delete(id);
    this.#ending.delete(id);
    this.#relays.delete(id);
    this.#plain.delete(id);
    this.#worded.delete(id);
    this.#standbys.delete(id);
    this.#peers.delete(id);
    drop(this.#byCidr, peer.cidrId, id);
    this.#retiredKeys.add(peer.publicKey);
    return peer;
  }

  retireIp(ip: Ip): void {
    this.#retiredIps.add(ip);
  }

  retireKey(key: PublicKey): void {
    this.#retiredKeys.add(key);
  }

  skipTo(nextId: number): void {
    this.#nextId = nextId;
  }

  #found(id: PeerId | undefined): Peer | undefined {
    return id === undefined ? undefined : this.#peers.get(id);
  }

  *#those(ids: Iterable<PeerId>): Generator<Peer> {
    for (const id of ids) {
      const peer = this.#peers.get(id);
      if (peer) yield peer;
    }
  }

  #index(peer: Peer): void {
    this.#byName.set(peer.name, peer.id);
    this.#byIp.set(peer.ip, peer.id);
    this.#byKey.set(peer.publicKey, peer.id);
    keepIf(peer.isAdmin, this.#admins, peer.id);
    keepIf(!peer.isRedeemed, this.#invited, peer.id);
    keepIf(!peer.isDisabled && peer.expires !== undefined, this.#ending, peer.id);
    keepIf(peer.relayPort !== undefined, this.#relays, peer.id);
    keepIf(isPlain(peer), this.#plain, peer.id);
    keepIf(peer.limits !== undefined, this.#worded, peer.id);
    keepIf(peer.isStandby === true, this.#standbys, peer.id);
  }

  #unindex(peer: Peer): void {
    this.#byName.delete(peer.name);
    this.#byIp.delete(peer.ip);
    this.#byKey.delete(peer.publicKey);
  }
}
