/** The state of one network as its events make it: indexed so that no change has to walk through all peers. */
import type { EventOf, NetworkEvent } from '../events/schema.ts';
import type { Endpoint } from '../values/endpoint.ts';
import type { AssociationId, CidrId, Hash, PeerId, Position } from '../values/id.ts';
import { ROOT_CIDR, SERVER_PEER } from '../values/id.ts';
import {
  assignableRange,
  type Cidr,
  containsIp,
  familyOf,
  fromNumber,
  type Ip,
  isAssignable,
  toNumber,
} from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import type { Timestamp } from '../values/time.ts';
import { type Collection, type Mapping, mapOver, setOver } from './layered.ts';

/** A machine. Never changed in place: a change puts a new object in its stead, so a reader may keep the old one. */
export type Peer = {
  readonly id: PeerId;
  readonly name: string;
  readonly ip: Ip;
  readonly cidrId: CidrId;
  /** Until redeemed: the invitation's temporary key. */
  readonly publicKey: PublicKey;
  readonly isAdmin: boolean;
  readonly isDisabled: boolean;
  readonly isRedeemed: boolean;
  readonly inviteExpires: Timestamp | null;
  /** The endpoint that the peer insists on; for the server's peer, where the server is reached. */
  readonly endpoint: Endpoint | null;
  /** Enabled by somebody since the last restored backup: what a backup alone brings back is not enough for clients. */
  readonly isVouchedFor?: true | undefined;
};

/** A backup was put back at a position: the history up to the lost head was given up. */
export type Restoration = {
  readonly position: Position;
  readonly lostPosition: Position;
  readonly lostHash: Hash;
};

/** A named block in the tree. */
export type CidrNode = {
  readonly id: CidrId;
  readonly name: string;
  readonly cidr: Cidr;
  readonly parentId: CidrId | null;
};

export type Association = { readonly id: AssociationId; readonly cidrIds: readonly [CidrId, CidrId] };

/** A network as plain JSON: what a stored state holds. */
export type NetworkJson = {
  name: string;
  position: Position;
  peers: Peer[];
  cidrs: CidrNode[];
  associations: Association[];
  retiredIps: Ip[];
  /** Keys that no living peer has any more. */
  retiredKeys: PublicKey[];
  nextIds: { peer: number; cidr: number; association: number };
  restorations: Restoration[];
};

const put = <K, V>(map: Mapping<K, Collection<V>>, key: K, value: V): void => {
  const known = map.get(key);
  if (known) known.add(value);
  else map.set(key, new Set([value]));
};

const drop = <K, V>(map: Mapping<K, Collection<V>>, key: K, value: V): void => {
  const known = map.get(key);
  known?.delete(value);
  if (known?.size === 0) map.delete(key);
};

/** A member that stays keeps its place: a network read back from JSON walks its peers in the same order. */
const keepIf = <V>(belongs: boolean, set: Collection<V>, value: V): void => {
  if (belongs) set.add(value);
  else set.delete(value);
};

export class Network {
  name: string;
  #position: Position;
  /** Events taken since the position was last set: a commit under way, or one that may never come. */
  #since = 0;
  #restorations: readonly Restoration[];

  readonly #peers: Mapping<PeerId, Peer>;
  readonly #peerByName: Mapping<string, PeerId>;
  readonly #peerByIp: Mapping<Ip, PeerId>;
  readonly #peerByKey: Mapping<PublicKey, PeerId>;
  readonly #peersIn: Mapping<CidrId, Collection<PeerId>>;
  readonly #invited: Collection<PeerId>;
  readonly #admins: Collection<PeerId>;
  readonly #retiredIps: Collection<Ip>;
  readonly #retiredKeys: Collection<PublicKey>;

  readonly #cidrs: Mapping<CidrId, CidrNode>;
  readonly #cidrByName: Mapping<string, CidrId>;
  readonly #childrenOf: Mapping<CidrId, Collection<CidrId>>;
  /** For each CIDR a number below which no address is free: where the search for the next one starts. */
  readonly #lowestFree: Mapping<CidrId, bigint>;

  readonly #associations: Mapping<AssociationId, Association>;
  readonly #associatedWith: Mapping<CidrId, Mapping<CidrId, AssociationId>>;

  #nextIds: { peer: number; cidr: number; association: number };

  /** Empty, or a layer over another network: see `draft`. */
  constructor(below?: Network) {
    const from = <T>(read: (lower: Network) => T): T | undefined => below && read(below);
    this.name = below?.name ?? '';
    this.#position = below?.position ?? 0;
    this.#since = below ? below.#since : 0;
    this.#restorations = below?.restorations ?? [];
    this.#peers = mapOver(from((lower) => lower.#peers));
    this.#peerByName = mapOver(from((lower) => lower.#peerByName));
    this.#peerByIp = mapOver(from((lower) => lower.#peerByIp));
    this.#peerByKey = mapOver(from((lower) => lower.#peerByKey));
    this.#peersIn = mapOver(
      from((lower) => lower.#peersIn),
      setOver,
    );
    this.#invited = setOver(from((lower) => lower.#invited));
    this.#admins = setOver(from((lower) => lower.#admins));
    this.#retiredIps = setOver(from((lower) => lower.#retiredIps));
    this.#retiredKeys = setOver(from((lower) => lower.#retiredKeys));
    this.#cidrs = mapOver(from((lower) => lower.#cidrs));
    this.#cidrByName = mapOver(from((lower) => lower.#cidrByName));
    this.#childrenOf = mapOver(
      from((lower) => lower.#childrenOf),
      setOver,
    );
    this.#lowestFree = mapOver(from((lower) => lower.#lowestFree));
    this.#associations = mapOver(from((lower) => lower.#associations));
    this.#associatedWith = mapOver(
      from((lower) => lower.#associatedWith),
      mapOver,
    );
    this.#nextIds = { ...(below ? below.#nextIds : { peer: 1, cidr: 1, association: 1 }) };
  }

  /** Position of the last commit that is in here. */
  get position(): Position {
    return this.#position;
  }

  set position(position: Position) {
    this.#position = position;
    this.#since = 0;
  }

  /** Every backup that was ever put back, the oldest first. */
  get restorations(): readonly Restoration[] {
    return this.#restorations;
  }

  peer(id: PeerId): Peer | undefined {
    return this.#peers.get(id);
  }

  peerNamed(name: string): Peer | undefined {
    return this.#found(this.#peerByName.get(name));
  }

  peerAt(ip: Ip): Peer | undefined {
    return this.#found(this.#peerByIp.get(ip));
  }

  peerWithKey(key: PublicKey): Peer | undefined {
    return this.#found(this.#peerByKey.get(key));
  }

  /** All peers, invited and disabled ones too. */
  peers(): Iterable<Peer> {
    return this.#peers.values();
  }

  get peerCount(): number {
    return this.#peers.size;
  }

  /** The peers of this very CIDR, without those of its descendants. */
  *peersIn(cidrId: CidrId): Generator<Peer> {
    for (const id of this.#peersIn.get(cidrId) ?? []) {
      const peer = this.#peers.get(id);
      if (peer) yield peer;
    }
  }

  holdsPeers(cidrId: CidrId): boolean {
    return this.#peersIn.has(cidrId);
  }

  /** Peers whose invitation is open. */
  *invited(): Generator<Peer> {
    for (const id of this.#invited) {
      const peer = this.#peers.get(id);
      if (peer) yield peer;
    }
  }

  /** Enabled, redeemed admins other than the server. */
  *admins(): Generator<Peer> {
    for (const id of this.#admins) {
      const peer = this.#peers.get(id);
      if (peer && id !== SERVER_PEER && peer.isRedeemed && !peer.isDisabled) yield peer;
    }
  }

  isRetiredIp(ip: Ip): boolean {
    return this.#retiredIps.has(ip);
  }

  isRetiredKey(key: PublicKey): boolean {
    return this.#retiredKeys.has(key);
  }

  cidr(id: CidrId): CidrNode | undefined {
    return this.#cidrs.get(id);
  }

  cidrNamed(name: string): CidrNode | undefined {
    const id = this.#cidrByName.get(name);
    return id === undefined ? undefined : this.#cidrs.get(id);
  }

  cidrs(): Iterable<CidrNode> {
    return this.#cidrs.values();
  }

  /** Direct children. */
  *childrenOf(id: CidrId): Generator<CidrNode> {
    for (const child of this.#childrenOf.get(id) ?? []) {
      const node = this.#cidrs.get(child);
      if (node) yield node;
    }
  }

  hasChildren(id: CidrId): boolean {
    return this.#childrenOf.has(id);
  }

  associations(): Iterable<Association> {
    return this.#associations.values();
  }

  association(id: AssociationId): Association | undefined {
    return this.#associations.get(id);
  }

  associationBetween(left: CidrId, right: CidrId): Association | undefined {
    const id = this.#associatedWith.get(left)?.get(right);
    return id === undefined ? undefined : this.#associations.get(id);
  }

  /** The CIDRs that are associated with this very one. */
  associatedWith(id: CidrId): Iterable<CidrId> {
    return this.#associatedWith.get(id)?.keys() ?? [];
  }

  /** The ids that the next peer, CIDR and association get; none is ever given twice. */
  get nextIds(): { peer: PeerId; cidr: CidrId; association: AssociationId } {
    const { peer, cidr, association } = this.#nextIds;
    return { peer: peer as PeerId, cidr: cidr as CidrId, association: association as AssociationId };
  }

  /** The lowest address of a CIDR that a new peer can have, or undefined when there is none. */
  freeIpIn(node: CidrNode): Ip | undefined {
    const { first, last } = assignableRange(node.cidr);
    const root = this.#cidrs.get(ROOT_CIDR)?.cidr ?? node.cidr;
    const family = familyOf(node.cidr);
    for (let value = this.#lowestFree.get(node.id) ?? first; value <= last; value += 1n) {
      const ip = fromNumber(value, family);
      if (this.#peerByIp.has(ip) || this.#retiredIps.has(ip) || !isAssignable(root, ip)) continue;
      this.#lowestFree.set(node.id, value);
      return ip;
    }
    this.#lowestFree.set(node.id, last + 1n);
    return undefined;
  }

  /** Takes an event that has happened; it never refuses one, whatever an import brought. */
  evolve(event: NetworkEvent): void {
    this.#since += 1;
    switch (event.type) {
      case 'NetworkCreated':
      case 'NetworkImported':
        this.name = event.name;
        break;
      case 'LogRestored':
        this.#restore(event);
        break;
      case 'CidrAdded':
        this.#addCidr({ id: event.cidrId, name: event.name, cidr: event.cidr, parentId: event.parentId });
        break;
      case 'CidrRenamed':
        this.#renameCidr(event);
        break;
      case 'CidrDeleted':
        this.#deleteCidr(event.cidrId);
        break;
      case 'PeerAdded':
        this.#addPeer(peerOf(event));
        break;
      case 'InvitationRedeemed':
        this.#changePeer(event.peerId, { publicKey: event.publicKey, isRedeemed: true });
        break;
      case 'InvitationReissued':
        this.#changePeer(event.peerId, { publicKey: event.publicKey, inviteExpires: event.inviteExpires });
        break;
      case 'InvitationRevoked':
      case 'InvitationExpired':
        this.#forgetPeer(event.peerId);
        break;
      case 'PeerRenamed':
        this.#changePeer(event.peerId, { name: event.name });
        break;
      case 'PeerDisabled':
        this.#changePeer(event.peerId, { isDisabled: true });
        break;
      case 'PeerEnabled':
        this.#changePeer(event.peerId, {
          isDisabled: false,
          ...(this.#restorations.length > 0 ? { isVouchedFor: true } : {}),
        });
        break;
      case 'PeerDeleted':
        this.#retirePeer(event.peerId);
        break;
      case 'AdminGranted':
        this.#changePeer(event.peerId, { isAdmin: true });
        break;
      case 'AdminRevoked':
        this.#changePeer(event.peerId, { isAdmin: false });
        break;
      case 'AssociationAdded':
        this.#associate({ id: event.associationId, cidrIds: event.cidrIds });
        break;
      case 'AssociationDeleted':
        this.#dissociate(event.associationId);
        break;
      case 'EndpointOverrideSet':
        this.#changePeer(event.peerId, { endpoint: event.endpoint });
        break;
      case 'EndpointOverrideCleared':
        this.#changePeer(event.peerId, { endpoint: null });
        break;
      case 'ServerEndpointChanged':
        this.#changePeer(SERVER_PEER, { endpoint: event.endpoint });
        break;
    }
  }

  /** Takes a whole commit that ends at a position. */
  advance(events: Iterable<NetworkEvent>, to: Position): void {
    for (const event of events) this.evolve(event);
    this.position = to;
  }

  toJSON(): NetworkJson {
    return {
      name: this.name,
      position: this.position,
      peers: [...this.#peers.values()],
      cidrs: [...this.#cidrs.values()],
      associations: [...this.#associations.values()],
      retiredIps: [...this.#retiredIps],
      retiredKeys: [...this.#retiredKeys],
      nextIds: { ...this.#nextIds },
      restorations: [...this.#restorations],
    };
  }

  static fromJSON(json: NetworkJson): Network {
    const network = new Network();
    network.name = json.name;
    network.position = json.position;
    network.#restorations = json.restorations;
    for (const node of json.cidrs) network.#addCidr(node);
    for (const peer of json.peers) network.#addPeer(peer);
    for (const association of json.associations) network.#associate(association);
    for (const ip of json.retiredIps) network.#retiredIps.add(ip);
    for (const key of json.retiredKeys) network.#retiredKeys.add(key);
    network.#nextIds = { ...json.nextIds };
    return network;
  }

  /**
   * A network that takes events of its own and leaves this one as it is; it costs nothing but what changes. It
   * reads through to this one, so it is of no use any more once this one changes.
   */
  draft(): Network {
    return new Network(this);
  }

  /** An independent copy; costs O(network). */
  clone(): Network {
    return Network.fromJSON(this.toJSON());
  }

  #found(id: PeerId | undefined): Peer | undefined {
    return id === undefined ? undefined : this.#peers.get(id);
  }

  /** What was said of peers before counts no more. */
  #restore({ lostPosition, lostHash }: EventOf<'LogRestored'>): void {
    this.#restorations = [
      ...this.#restorations,
      { position: this.#position + this.#since, lostPosition, lostHash },
    ];
    for (const { isVouchedFor, ...peer } of [...this.#peers.values()])
      if (isVouchedFor) this.#peers.set(peer.id, peer);
  }

  #addCidr(node: CidrNode): void {
    this.#cidrs.set(node.id, node);
    this.#cidrByName.set(node.name, node.id);
    if (node.parentId !== null) put(this.#childrenOf, node.parentId, node.id);
    this.#nextIds.cidr = Math.max(this.#nextIds.cidr, node.id + 1);
  }

  #renameCidr({ cidrId, name }: EventOf<'CidrRenamed'>): void {
    const node = this.#cidrs.get(cidrId);
    if (!node) return;
    this.#cidrByName.delete(node.name);
    this.#cidrByName.set(name, cidrId);
    this.#cidrs.set(cidrId, { ...node, name });
  }

  #deleteCidr(id: CidrId): void {
    const node = this.#cidrs.get(id);
    if (!node) return;
    this.#cidrs.delete(id);
    this.#cidrByName.delete(node.name);
    this.#lowestFree.delete(id);
    if (node.parentId !== null) drop(this.#childrenOf, node.parentId, id);
  }

  #addPeer(peer: Peer): void {
    this.#peers.set(peer.id, peer);
    this.#index(peer);
    put(this.#peersIn, peer.cidrId, peer.id);
    this.#nextIds.peer = Math.max(this.#nextIds.peer, peer.id + 1);
  }

  #changePeer(id: PeerId, change: Partial<Peer>): void {
    const before = this.#peers.get(id);
    if (!before) return;
    const after = { ...before, ...change };
    this.#unindex(before);
    if (after.publicKey !== before.publicKey) this.#retiredKeys.add(before.publicKey);
    this.#peers.set(id, after);
    this.#index(after);
  }

  #index(peer: Peer): void {
    this.#peerByName.set(peer.name, peer.id);
    this.#peerByIp.set(peer.ip, peer.id);
    this.#peerByKey.set(peer.publicKey, peer.id);
    keepIf(peer.isAdmin, this.#admins, peer.id);
    keepIf(!peer.isRedeemed, this.#invited, peer.id);
  }

  #unindex(peer: Peer): void {
    this.#peerByName.delete(peer.name);
    this.#peerByIp.delete(peer.ip);
    this.#peerByKey.delete(peer.publicKey);
  }

  /** Name and address are free again, the key is not. */
  #forgetPeer(id: PeerId): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#unindex(peer);
    this.#admins.delete(id);
    this.#invited.delete(id);
    this.#peers.delete(id);
    drop(this.#peersIn, peer.cidrId, id);
    this.#retiredKeys.add(peer.publicKey);
    this.#noteFree(peer.ip);
  }

  /** An address is free again: also in a CIDR that its peer, as an import may have it, was not listed in. */
  #noteFree(ip: Ip): void {
    const value = toNumber(ip);
    for (const [id, lowest] of this.#lowestFree) {
      const node = this.#cidrs.get(id);
      if (node && value < lowest && containsIp(node.cidr, ip)) this.#lowestFree.set(id, value);
    }
  }

  /** The name is free again; the address and the key are not, ever. */
  #retirePeer(id: PeerId): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    this.#forgetPeer(id);
    this.#retiredIps.add(peer.ip);
  }

  #associate(association: Association): void {
    const [left, right] = association.cidrIds;
    this.#associations.set(association.id, association);
    this.#link(left, right, association.id);
    this.#link(right, left, association.id);
    this.#nextIds.association = Math.max(this.#nextIds.association, association.id + 1);
  }

  #link(from: CidrId, to: CidrId, id: AssociationId): void {
    const links = this.#associatedWith.get(from);
    if (links) links.set(to, id);
    else this.#associatedWith.set(from, new Map([[to, id]]));
  }

  #dissociate(id: AssociationId): void {
    const association = this.#associations.get(id);
    if (!association) return;
    const [left, right] = association.cidrIds;
    this.#associations.delete(id);
    this.#associatedWith.get(left)?.delete(right);
    this.#associatedWith.get(right)?.delete(left);
    const twin = this.#twinOf(association);
    if (twin) this.#associate(twin);
  }

  /** Another association of the same pair, in either order: an import may hold one. */
  #twinOf({ cidrIds: [left, right] }: Association): Association | undefined {
    for (const other of this.#associations.values())
      if (other.cidrIds.includes(left) && other.cidrIds.includes(right)) return other;
    return undefined;
  }
}

const peerOf = (event: EventOf<'PeerAdded'>): Peer => ({
  id: event.peerId,
  name: event.name,
  ip: event.ip,
  cidrId: event.cidrId,
  publicKey: event.publicKey,
  isAdmin: event.isAdmin,
  isDisabled: event.disabled ?? false,
  isRedeemed: event.redeemed ?? false,
  inviteExpires: event.inviteExpires,
  endpoint: event.endpoint ?? null,
});
