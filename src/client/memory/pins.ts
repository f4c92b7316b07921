/** Pins: one-to-one pairs of address and key, kept after a peer leaves sight, and the rules a shown peer must pass. */
import type { PeerRow } from '../../protocol/rows.ts';
import type { CidrId, PeerId } from '../../values/id.ts';
import { SERVER_PEER } from '../../values/id.ts';
import { type Cidr, containsIp, type Ip } from '../../values/ip.ts';
import { type PublicKey, shortKey } from '../../values/key.ts';

/** What WireGuard ties together. */
export type Pair = { readonly ip: Ip; readonly publicKey: PublicKey };

/** A pair that was accepted once; the rest tells people, and the Rust client, whose it is. */
export type Pin = Pair & {
  readonly id: PeerId;
  readonly name: string;
  readonly cidrId: CidrId;
  /** Nobody proved it, and no handshake was ever made with it: it yields to a pair that is proved. */
  readonly isUnmet?: true | undefined;
};

/** What one's own conf says: no word from the stream changes it. */
export type Ground = {
  /** The network's root block. */
  readonly range: Cidr;
  readonly own: Pair;
  readonly server: Pair;
};

/** The rules that a shown peer may break; such a peer is held back, all others go on. */
export const HELD_RULES = [
  'OutsideNetwork',
  'ServerClaimed',
  'OwnAddressClaimed',
  'KeyChanged',
  'AddressMoved',
  'PairTaken',
  /** A restored backup shows it again, and this client had seen it go. */
  'SeenGone',
] as const;
export type HeldRule = (typeof HELD_RULES)[number];

/** A row that was not applied, and why. */
export type Held = { row: PeerRow; rule: HeldRule };

const REASONS: { [R in HeldRule]: (row: PeerRow) => string } = {
  OutsideNetwork: ({ ip }) => `its address ${ip} is outside the network`,
  ServerClaimed: () => "it claims the server's address or key",
  OwnAddressClaimed: () => "it claims this machine's address or key",
  KeyChanged: ({ ip, publicKey }) =>
    `${ip} was seen with another key before, now with ${shortKey(publicKey)}`,
  AddressMoved: ({ ip, publicKey }) =>
    `${shortKey(publicKey)} was seen at another address before, now at ${ip}`,
  PairTaken: ({ ip }) => `another peer is shown at ${ip} too`,
  SeenGone: () => 'it was removed or disabled before an older copy of the log was put back',
};

/** The reason in words, for `show` and the log; it repeats no name. */
export const heldReason = ({ row, rule }: Held): string => REASONS[rule](row);

/** Whether the way out is to forget a pin; the other rules have none. */
export const isPinned = ({ rule }: Held): boolean => rule === 'KeyChanged' || rule === 'AddressMoved';

const samePair = (left: Pair, right: Pair): boolean =>
  left.ip === right.ip && left.publicKey === right.publicKey;

/** One half alike and the other not. */
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

  /** Which half of the pair belongs to another partner; to a pair that is proved, one that was never met does not. */
  contradicted(pair: Pair, isProved = false): 'KeyChanged' | 'AddressMoved' | undefined {
    const counts = (pin: Pin): boolean => !(isProved && pin.isUnmet);
    const [atIp, withKey] = this.rivals(pair);
    if (atIp && counts(atIp)) return 'KeyChanged';
    return withKey && counts(withKey) ? 'AddressMoved' : undefined;
  }

  /** The pins that contradict a pair: at its address, and of its key. */
  rivals({ ip, publicKey }: Pair): [atIp: Pin | undefined, withKey: Pin | undefined] {
    const [atIp, withKey] = [this.#byIp.get(ip), this.withKey(publicKey)];
    return [atIp?.publicKey === publicKey ? undefined : atIp, withKey?.ip === ip ? undefined : withKey];
  }

  /** A handshake was made with this key. Whether that is news. */
  meet(key: PublicKey): boolean {
    const pin = this.withKey(key);
    if (!pin?.isUnmet) return false;
    const { isUnmet: _, ...met } = pin;
    this.#byIp.set(pin.ip, met);
    return true;
  }

  /** Takes the place of whatever contradicts it: ask `contradicted` before. */
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

/** Rows that may be applied, and those that may not. */
export type Sifted = { accepted: PeerRow[]; held: Held[] };

/**
 * Goes through the rows of one frame in their order. Rows bind each other as pins do: of two that contradict each
 * other the first counts. `ownerOf` tells which peer now in sight, other than those leaving, has a pair.
 */
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
      brokenGround(ground, row) ?? pins.contradicted(row, isProved) ?? fresh.contradicted(row) ?? taken;
    if (rule) sifted.held.push({ row, rule });
    else {
      sifted.accepted.push(row);
      fresh.add(row);
    }
  }
  return sifted;
};
