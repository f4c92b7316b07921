/** Exports a network as rows of innernet 2.0's database, and names the losses. */
import type { SocketAddress } from '../values/endpoint.ts';
import { type CidrId, type PeerId, ROOT_CIDR } from '../values/id.ts';
import { addressOf, type Cidr, containsCidr, type Ip, prefixOf, singleton } from '../values/ip.ts';
import { isHostname } from '../values/name.ts';
import type { Timestamp } from '../values/time.ts';
import type { CidrNode } from './cidr-tree.ts';
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';
import { printable } from './rejection.ts';

/** Its address and key stay retired. */
export type DeletedPeer = Pick<Peer, 'id' | 'name' | 'ip' | 'cidrId' | 'publicKey'>;

/** The columns of innernet 2.0's tables (user_version 2). */
export type ForeignCidrRow = {
  id: number;
  name: string;
  ip: string;
  prefix: number;
  parent: number | null;
};
export type ForeignPeerRow = {
  id: number;
  name: string;
  ip: string;
  public_key: string;
  endpoint: string | null;
  cidr_id: number;
  is_admin: 0 | 1;
  is_disabled: 0 | 1;
  is_redeemed: 0 | 1;
  /** Unix time in seconds. */
  invite_expires: number | null;
  /** A JSON list. */
  candidates: string;
};
export type ForeignAssociationRow = { id: number; cidr_id_1: number; cidr_id_2: number };

export type ForeignTables = {
  cidrs: ForeignCidrRow[];
  peers: ForeignPeerRow[];
  associations: ForeignAssociationRow[];
};

export type Loss =
  | { what: 'History'; events: number }
  | { what: 'Identity' }
  | { what: 'Ids'; peer: number; cidr: number; association: number }
  | { what: 'RetiredKeys'; count: number }
  | { what: 'Proofs' }
  | { what: 'Relay'; name: string; port: number }
  | { what: 'DeletedPeer'; name: string; ip: Ip; keptAs: string }
  | { what: 'BlockForDeleted'; cidr: Cidr; keptAs: string }
  | { what: 'Name'; name: string; keptAs: string }
  | { what: 'Association'; names: readonly [string, string] }
  | { what: 'Limit'; names: readonly [string, string] }
  | { what: 'Isolation'; name: string }
  | { what: 'Route'; name: string };

export const explainLoss = (loss: Loss): string => {
  switch (loss.what) {
    case 'History':
      return `the history: ${loss.events} events, who did what and when`;
    case 'Identity':
      return "the identity of the log: machines with this program take innernet 2.0's server for one without a live stream";
    case 'Ids':
      return 'the promise that ids are never used again: innernet gives the highest one anew when it is free';
    case 'RetiredKeys':
      return `the memory of ${loss.count} keys that were in use once: innernet would take them again`;
    case 'Proofs':
      return "that requests need a proof by key: any program on a peer's machine speaks for that peer again";
    case 'Relay':
      return `that "${printable(loss.name)}" relays at UDP port ${loss.port}: pairs without a direct way cannot talk`;
    case 'DeletedPeer':
      return `that peer "${printable(loss.name)}" (${loss.ip}) was deleted: it is the disabled peer "${loss.keptAs}", so that its address stays retired`;
    case 'BlockForDeleted':
      return `a retired address outside every leaf CIDR: there is a new CIDR "${loss.keptAs}" (${loss.cidr}) that holds it`;
    case 'Name':
      return `the name of peer "${printable(loss.name)}", which innernet would refuse: it is "${loss.keptAs}"`;
    case 'Association':
      return `the second association of "${printable(loss.names[0])}" and "${printable(loss.names[1])}", which changes nothing`;
    case 'Limit':
      return `the limited association of "${printable(loss.names[0])}" and "${printable(loss.names[1])}": innernet would open all of it, so it is left out`;
    case 'Route':
      return `the route "${printable(loss.name)}": innernet routes nothing outside the network`;
    case 'Isolation':
      return `that the peers of CIDR "${printable(loss.name)}" are isolated: they see each other again`;
  }
};

/** Pure. `candidates` are the peers' reports. */
export const exportNetwork = (
  network: Network,
  deleted: readonly DeletedPeer[],
  candidates: ReadonlyMap<PeerId, readonly SocketAddress[]>,
): { tables: ForeignTables; losses: Loss[] } => {
  const out = new Export(network, candidates);
  for (const peer of network.peers()) out.addPeer(peer);
  for (const peer of deleted) out.addDeleted(peer);
  out.addAssociations();
  return out.result(deleted);
};

class Export {
  readonly #network: Network;
  readonly #candidates: ReadonlyMap<PeerId, readonly SocketAddress[]>;
  readonly #tables: ForeignTables;
  readonly #losses: Loss[] = [];
  readonly #names: Set<string>;
  readonly #cidrNames: Set<string>;
  #nextCidr: number;

  constructor(network: Network, candidates: ReadonlyMap<PeerId, readonly SocketAddress[]>) {
    this.#network = network;
    this.#candidates = candidates;
    this.#nextCidr = network.nextIds.cidr;
    this.#names = new Set([...network.peers()].map(({ name }) => name));
    this.#cidrNames = new Set([...network.cidrs()].map(({ name }) => name));
    const cidrs = [...network.cidrs()].map((node) => cidrRow(node.id, node.name, node.cidr, node.parentId));
    this.#tables = { cidrs, peers: [], associations: [] };
  }

  addPeer(peer: Peer): void {
    let { name } = peer;
    if (!isHostname(name)) {
      name = unused(`peer-${peer.id}`, this.#names);
      this.#losses.push({ what: 'Name', name: peer.name, keptAs: name });
    }
    this.#tables.peers.push({
      ...common(peer, name, peer.cidrId),
      endpoint: peer.endpoint,
      is_admin: bit(peer.isAdmin),
      is_disabled: bit(peer.isDisabled),
      is_redeemed: bit(peer.isRedeemed),
      invite_expires: secondsOf(peer.inviteExpires),
      candidates: JSON.stringify(this.#candidates.get(peer.id) ?? []),
    });
  }

  /** Disabled and redeemed: innernet neither admits it nor sweeps it away. */
  addDeleted(peer: DeletedPeer): void {
    const base = isHostname(peer.name) ? peer.name : `peer-${peer.id}`;
    const name = unused(this.#names.has(base) ? withEnd(base, `-deleted-${peer.id}`) : base, this.#names);
    this.#tables.peers.push({
      ...common(peer, name, this.#homeOf(peer)),
      endpoint: null,
      is_admin: 0,
      is_disabled: 1,
      is_redeemed: 1,
      invite_expires: null,
      candidates: '[]',
    });
    this.#losses.push({ what: 'DeletedPeer', name: peer.name, ip: peer.ip, keptAs: name });
  }

  /** innernet adds no CIDR below one that holds peers, so such a peer must not sit above others. */
  #homeOf({ id, ip, cidrId }: DeletedPeer): number {
    const around = smallestAround(this.#network, ip);
    if (!around) return this.#network.cidr(cidrId)?.id ?? ROOT_CIDR;
    if (!this.#network.hasChildren(around.id)) return around.id;
    const name = unused(`retired-${id}`, this.#cidrNames);
    const row = cidrRow(this.#nextCidr++, name, singleton(ip), around.id);
    this.#tables.cidrs.push(row);
    this.#losses.push({ what: 'BlockForDeleted', cidr: singleton(ip), keptAs: name });
    return row.id;
  }

  addAssociations(): void {
    const pairs = new Set<string>();
    for (const { id, cidrIds, allow } of this.#network.associations()) {
      const [left, right] = cidrIds;
      if (allow) {
        this.#losses.push({ what: 'Limit', names: [this.#cidrName(left), this.#cidrName(right)] });
        continue;
      }
      if (pairs.has(`${left} ${right}`)) {
        const names = [this.#cidrName(left), this.#cidrName(right)] as const;
        this.#losses.push({ what: 'Association', names });
        continue;
      }
      pairs.add(`${left} ${right}`);
      this.#tables.associations.push({ id, cidr_id_1: left, cidr_id_2: right });
    }
  }

  result(deleted: readonly DeletedPeer[]): { tables: ForeignTables; losses: Loss[] } {
    const { position, nextIds } = this.#network;
    const { route: _, ...ids } = nextIds;
    const kept = new Set(deleted.map(({ publicKey }) => publicKey));
    const forgotten = this.#network.toJSON().retiredKeys.filter((key) => !kept.has(key)).length;
    const always: Loss[] = [
      { what: 'History', events: position },
      { what: 'Identity' },
      { what: 'Ids', ...ids },
    ];
    const keys: Loss[] = forgotten > 0 ? [{ what: 'RetiredKeys', count: forgotten }] : [];
    const proofs: Loss[] = this.#network.isProofRequired ? [{ what: 'Proofs' }] : [];
    const relays = this.#network
      .relays()
      .map(({ peer: { name }, port }): Loss => ({ what: 'Relay', name, port }));
    const isolated = [...this.#network.cidrs()].flatMap(({ name, isIsolated }): Loss[] =>
      isIsolated ? [{ what: 'Isolation', name }] : [],
    );
    const routes = Array.from(this.#network.routes(), ({ name }): Loss => ({ what: 'Route', name }));
    const losses = [...always, ...keys, ...proofs, ...relays, ...isolated, ...routes, ...this.#losses];
    return { tables: this.#tables, losses };
  }

  #cidrName(id: CidrId): string {
    return this.#network.cidr(id)?.name ?? '';
  }
}

const smallestAround = (network: Network, ip: Ip): CidrNode | undefined => {
  let smallest: CidrNode | undefined;
  for (const node of network.cidrs()) {
    if (!containsCidr(node.cidr, singleton(ip))) continue;
    if (!smallest || prefixOf(node.cidr) > prefixOf(smallest.cidr)) smallest = node;
  }
  return smallest;
};

const cidrRow = (id: number, name: string, cidr: Cidr, parent: number | null): ForeignCidrRow => ({
  id,
  name,
  ip: addressOf(cidr),
  prefix: prefixOf(cidr),
  parent,
});

const common = ({ id, ip, publicKey }: DeletedPeer, name: string, cidrId: number) => ({
  id,
  name,
  ip,
  public_key: publicKey,
  cidr_id: cidrId,
});

const bit = (value: boolean): 0 | 1 => (value ? 1 : 0);

const secondsOf = (time: Timestamp | null): number | null =>
  time === null ? null : Math.floor(Date.parse(time) / 1000);

const withEnd = (name: string, end: string): string =>
  `${name.slice(0, 63 - end.length).replace(/-+$/, '')}${end}`;

const unused = (name: string, taken: Set<string>): string => {
  let candidate = name;
  for (let count = 2; taken.has(candidate); count++) candidate = withEnd(name, `-${count}`);
  taken.add(candidate);
  return candidate;
};
