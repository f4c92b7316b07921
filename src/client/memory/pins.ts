/** Pins: pairs of address and key, kept after a peer leaves sight, and the rules for a shown peer. */
import { isPlain } from '../../domain/peer.ts';
import type { PeerRow } from '../../protocol/rows.ts';
import type { CidrId, PeerId } from '../../values/id.ts';
import { SERVER_PEER } from '../../values/id.ts';
import { type Cidr, containsIp, type Ip } from '../../values/ip.ts';
import { type PublicKey, shortKey } from '../../values/key.ts';

export type Pair = { readonly ip: Ip; readonly publicKey: PublicKey };

/** An accepted pair; the rest names its owner for users and the Rust client. */
export type Pin = Pair & {
  readonly id: PeerId;
  readonly name: string;
  readonly cidrId: CidrId;
  /** Never proved nor used in a handshake: yields to a proved pair. */
  readonly isUnmet?: true | undefined;
};

/** The own conf's facts, which the stream cannot change. */
export type Ground = {
  readonly range: Cidr;
  readonly own: Pair;
  readonly server: Pair;
};

/** A peer that breaks one is held back; others go on. */
export const HELD_RULES = [
  'OutsideNetwork',
  'ServerClaimed',
  'OwnAddressClaimed',
  'KeyChanged',
  'AddressMoved',
  'PairTaken',
  /** A peer that was met by itself is said to be a phone, whose packets its router would read. */
  'Rerouted',
  /** A restored backup shows a peer that was seen to leave. */
  'SeenGone',
] as const;
export type HeldRule = (typeof HELD_RULES)[number];

export type Held = { row: PeerRow; rule: HeldRule };

const REASONS: { [R in HeldRule]: (row: PeerRow) => string } = {
  OutsideNetwork: ({ ip }) => `its address ${ip} is outside the network`,
  ServerClaimed: () => "it claims the server's address or key",
  OwnAddressClaimed: () => "it claims this machine's address or key",
  KeyChanged: ({ ip, publicKey }) =>
    `${ip} was seen with another key before, now with ${shortKey(publicKey)}`,
  AddressMoved: ({ ip, publicKey }) =>
    `${shortKey(publicKey)} was seen at another address before, now at ${ip}`,
  Rerouted: ({ ip }) =>
    `${ip} was another machine's before, and is now said to be a phone that a router speaks for`,
  PairTaken: ({ ip }) => `another peer is shown at ${ip} too`,
  SeenGone: () => 'it was removed or disabled before an older copy of the log was put back',
};

/** In words, without the peer's name. */
export const heldReason = ({ row, rule }: Held): string => REASONS[rule](row);

/** Whether forgetting a pin solves it. */
export const isPinned = ({ rule }: Held): boolean =>
  rule === 'KeyChanged' || rule === 'AddressMoved' || rule === 'Rerouted';

const samePair = (left: Pair, right: Pair): boolean =>
  left.ip === right.ip && left.publicKey === right.publicKey;

/** Exactly one half is equal. */
const halfOf = (left: Pair, right: Pair): boolean =>
  (left.ip === right.ip) !== (left.publicKey === right.publicKey);

/** Whether the row is this machine itself. */
export const isOwn = ({ own }: Ground, row: Pair): boolean => samePair(own, row);

/** Whether the row is the server: it is on the device by one's own conf. */
export const isServer = ({ server }: Ground, row: Pair): boolean => samePair(server, row);

const brokenGround = (ground: Ground, row: PeerRow): HeldRule | undefined => {
  if (!containsIp(ground.range, row.ip)) return 'OutsideNetwork';
  if (halfOf(ground.server, row) || (row.id === SERVER_PEER) !== isServer(ground, row))
    return 'ServerClaimed';
  return halfOf(ground.own, row) ? 'OwnAddressClaimed' : undefined;
};

/** Found by address and by key; neither lookup walks through the pins. */
export class Pins {
  readonly #byIp = new Map<Ip, Pin>();
  readonly #ipOfKey = new Map<PublicKey, Ip>();

  get size(): number {
    return this.#byIp.size;
  }

  all(): IterableIterator<Pin> {
    return this.#byIp.values();
  }

  at(ip: Ip): Pin | undefined {
    return this.#byIp.get(ip);
  }

  withKey(key: PublicKey): Pin | undefined {
    const ip = this.#ipOfKey.get(key);
    return ip === undefined ? undefined : this.#byIp.get(ip);
  }

  /** A pinned address, or a pinned key, is no phone's. */
  rerouted(row: PeerRow): 'Rerouted' | undefined {
    return isPlain(row) && (this.#byIp.has(row.ip) || this.#ipOfKey.has(row.publicKey))
      ? 'Rerouted'
      : undefined;
  }

  /** The half pinned to another partner; a proved pair ignores unmet pins. */
  contradicted(pair: Pair, isProved = false): 'KeyChanged' | 'AddressMoved' | undefined {
    const counts = (pin: Pin): boolean => !(isProved && pin.isUnmet);
    const [atIp, withKey] = this.rivals(pair);
    if (atIp && counts(atIp)) return 'KeyChanged';
    return withKey && counts(withKey) ? 'AddressMoved' : undefined;
  }

  /** The contradicting pins, at the address and of the key. */
  rivals({ ip, publicKey }: Pair): [atIp: Pin | undefined, withKey: Pin | undefined] {
    const [atIp, withKey] = [this.#byIp.get(ip), this.withKey(publicKey)];
    return [atIp?.publicKey === publicKey ? undefined : atIp, withKey?.ip === ip ? undefined : withKey];
  }

  /** Notes a handshake. Returns whether that is news. */
  meet(key: PublicKey): boolean {
    const pin = this.withKey(key);
    if (!pin?.isUnmet) return false;
    const { isUnmet: _, ...met } = pin;
    this.#byIp.set(pin.ip, met);
    return true;
  }

  /** Replaces contradicting pins: check `contradicted` first. */
  add(pin: Pin): void {
    this.forget(pin.ip);
    const elsewhere = this.#ipOfKey.get(pin.publicKey);
    if (elsewhere !== undefined) this.forget(elsewhere);
    this.#byIp.set(pin.ip, pin);
    this.#ipOfKey.set(pin.publicKey, pin.ip);
  }

  forget(ip: Ip): void {
    const pin = this.#byIp.get(ip);
    if (!pin) return;
    this.#byIp.delete(ip);
    this.#ipOfKey.delete(pin.publicKey);
  }
}

export type Sifted = { accepted: PeerRow[]; held: Held[] };

/** Of two rows in conflict the first counts. `ownerOf` names the staying peer in sight with a key. */
export const sift = (
  rows: Iterable<PeerRow>,
  ground: Ground,
  pins: Pins,
  ownerOf: (key: PublicKey) => PeerId | undefined,
  isProved = false,
): Sifted => {
  const fresh = new Pins();
  const sifted: Sifted = { accepted: [], held: [] };
  for (const row of rows) {
    const owner = fresh.withKey(row.publicKey)?.id ?? ownerOf(row.publicKey);
    const taken = owner !== undefined && owner !== row.id ? ('PairTaken' as const) : undefined;
    const rule =
      brokenGround(ground, row) ??
      pins.rerouted(row) ??
      pins.contradicted(row, isProved) ??
      fresh.contradicted(row) ??
      taken;
    if (rule) sifted.held.push({ row, rule });
    else {
      sifted.accepted.push(row);
      fresh.add(row);
    }
  }
  return sifted;
};
