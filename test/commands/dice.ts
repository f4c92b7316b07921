// Chance that knows a network: picks its peers, CIDRs and free names by the numbers of one throw.
import type { CidrNode } from '../../src/domain/cidr-tree.ts';
import type { Network } from '../../src/domain/network.ts';
import type { Peer } from '../../src/domain/peer.ts';
import type { Route } from '../../src/domain/route-table.ts';
import { ROOT_CIDR, SERVER_CIDR, SERVER_PEER } from '../../src/values/id.ts';
import {
  assignableRange,
  type Cidr,
  familyOf,
  fromNumber,
  fullPrefix,
  networkOf,
  prefixOf,
} from '../../src/values/ip.ts';
import { keyText, type PublicKey } from '../../src/values/key.ts';
import type { Timestamp } from '../../src/values/time.ts';

export const MINUTES = 60_000;
export const at = (time: number): Timestamp => new Date(time).toISOString() as Timestamp;

/** Keys that no network has seen: not on the curve's terms, but spelled as keys are. */
const newKey = (serial: number): PublicKey => {
  const bytes = new Uint8Array(32).fill(9);
  new DataView(bytes.buffer).setUint32(8, serial);
  return keyText(bytes) as PublicKey;
};

const NAMES = [
  'ann',
  'bob',
  'eve',
  'mia',
  'noa',
  'oven',
  'ryo',
  'zoe',
  'humans',
  'bakers',
  'robots',
  'guests',
];
const PLACES = ['office', 'lab', 'berlin', 'home', 'attic'];
const LANS = ['192.168.50.0/24', '192.168.0.0/16', '192.168.50.0/28', '172.16.0.0/12'];
const LANS6 = ['fd50::/64', 'fd50::/48', 'fd51::/64'];
const ENDPOINTS = ['1.2.3.4:51820', '[2001:db8::1]:51820', 'vpn.example.org:51820', '0.0.0.0:4242'];

/** Looks at a network through the dice of one throw. */
export class Dice {
  readonly network: Network;
  readonly family: 4 | 6;
  readonly now: number;
  readonly #picks: readonly number[];
  #used = 0;
  /** Makes names and keys of one throw differ from those of all others. */
  readonly #serial: number;

  constructor(network: Network, family: 4 | 6, picks: readonly number[], now: number, serial: number) {
    this.network = network;
    this.family = family;
    this.#picks = picks;
    this.now = now;
    this.#serial = serial;
  }

  number(below: number): number {
    const pick = this.#picks[this.#used % this.#picks.length] ?? 0;
    this.#used += 1;
    return below > 0 ? (pick + Math.floor(this.#used / this.#picks.length)) % below : 0;
  }

  one<T>(items: Iterable<T>): T | undefined {
    const list = [...items];
    return list[this.number(list.length)];
  }

  oneOf<T>(items: Iterable<T>, keep: (item: T) => boolean): T | undefined {
    return this.one([...items].filter(keep));
  }

  /** By id or by name, as people and programs do; a name that no command takes is left to its id. */
  ref(thing: { id: number; name: string } | undefined): number | string {
    if (!thing) return 9999;
    return this.number(2) === 0 ? thing.id : thing.name;
  }

  freePeerName(): string {
    return this.oneOf(NAMES, (name) => !this.network.peerNamed(name)) ?? `peer-${this.#serial}`;
  }

  freeCidrName(): string {
    return this.oneOf(NAMES, (name) => !this.network.cidrNamed(name)) ?? `cidr-${this.#serial}`;
  }

  freeRouteName(): string {
    const isFree = (name: string): boolean =>
      !this.network.routeNamed(name) && !this.network.peerNamed(name) && !this.network.cidrNamed(name);
    return this.oneOf(PLACES, isFree) ?? `route-${this.#serial}`;
  }

  route(keep: (route: Route) => boolean = () => true): Route | undefined {
    return this.oneOf(this.network.routes(), keep);
  }

  /** Few, so that routes meet: equal, one in another, or exits. */
  blocks(): string[] {
    const lans = this.family === 4 ? LANS : LANS6;
    return this.number(5) === 0 ? ['0.0.0.0/0', '::/0'] : [this.one(lans) ?? '192.168.50.0/24'];
  }

  key(): PublicKey {
    this.#used += 1;
    return newKey(this.#serial * 64 + (this.#used % 64));
  }

  endpoint(): string {
    return this.one(ENDPOINTS) ?? '1.2.3.4:51820';
  }

  expiry(): Timestamp | null {
    return this.number(3) === 0 ? null : at(this.now + (1 + this.number(90)) * MINUTES);
  }

  peer(keep: (peer: Peer) => boolean = () => true): Peer | undefined {
    return this.oneOf(this.network.peers(), (peer) => peer.id !== SERVER_PEER && keep(peer));
  }

  cidr(keep: (node: CidrNode) => boolean = () => true): CidrNode | undefined {
    return this.oneOf(
      this.network.cidrs(),
      (node) => node.id !== SERVER_CIDR && node.id !== ROOT_CIDR && keep(node),
    );
  }

  leaf(): CidrNode | undefined {
    return this.cidr((node) => !this.network.hasChildren(node.id));
  }

  /** A block inside a CIDR, a few bits narrower, often free and sometimes as small as can be. */
  blockIn({ cidr }: CidrNode): Cidr {
    const full = fullPrefix(familyOf(cidr));
    const prefix = this.number(4) === 0 ? full - this.number(2) : prefixOf(cidr) + 1 + this.number(4);
    const { first, last } = assignableRange(cidr);
    const spread = (last - first + 1n) / 16n;
    const start = first + spread * BigInt(this.number(16));
    return networkOf(`${fromNumber(start, familyOf(cidr))}/${Math.min(prefix, full)}` as Cidr);
  }
}
