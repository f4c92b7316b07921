/** The state of one network, folded from its events: indexed, so that no change walks through all peers. */
import type { EventOf, NetworkEvent } from '../events/schema.ts';
import type { Endpoint } from '../values/endpoint.ts';
import type { AssociationId, CidrId, Epoch, Hash, PeerId, Position, RouteId } from '../values/id.ts';
import { ROOT_CIDR, SERVER_PEER } from '../values/id.ts';
import { type Ip, isAssignable } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import { type Association, AssociationGraph } from './association-graph.ts';
import { type CidrNode, CidrTree } from './cidr-tree.ts';
import { FreeAddresses } from './free-addresses.ts';
import type { Nothing, Peer } from './peer.ts';
import { PeerTable } from './peer-table.ts';
import { type Route, RouteTable, routerOf } from './route-table.ts';

export type Restoration = {
  readonly position: Position;
  readonly lostPosition: Position;
  readonly lostHash: Hash;
};

/** A peer that passes packets of others. `endpoint`: where it is reached; null: at the host where it is seen. */
export type Relay = { readonly peer: Peer; readonly port: number; readonly endpoint: Endpoint | null };

/** The latest take-over by a standby: whose machine serves since, and the count of them. */
export type Promotion = { readonly peerId: PeerId; readonly epoch: Epoch };

export type NetworkJson = {
  name: string;
  position: Position;
  peers: Peer[];
  cidrs: CidrNode[];
  associations: Association[];
  routes: Route[];
  retiredIps: Ip[];
  retiredKeys: PublicKey[];
  nextIds: { peer: number; cidr: number; association: number; route: number };
  restorations: Restoration[];
  isProofRequired: boolean;
  /** Seconds until a new peer ends; null: never. */
  defaultExpiry: number | null;
  questionKey: PublicKey | null;
  promotion: Promotion | null;
};

export class Network {
  name: string;
  #position: Position;
  /** Count of events since the position was last set. */
  #since: number;
  #restorations: readonly Restoration[];
  #isProofRequired: boolean;
  #defaultExpiry: number | null;
  #questionKey: PublicKey | null;
  #promotion: Promotion | null;
  readonly #peers: PeerTable;
  readonly #cidrs: CidrTree;
  readonly #associations: AssociationGraph;
  readonly #routes: RouteTable;
  readonly #freeAddresses: FreeAddresses;

  constructor(below?: Network) {
    this.name = below?.name ?? '';
    this.#position = below?.position ?? 0;
    this.#since = below ? below.#since : 0;
    this.#restorations = below?.restorations ?? [];
    this.#isProofRequired = below?.isProofRequired ?? false;
    this.#defaultExpiry = below?.defaultExpiry ?? null;
    this.#questionKey = below?.questionKey ?? null;
    this.#promotion = below?.promotion ?? null;
    this.#peers = new PeerTable(below ? below.#peers : undefined);
    this.#cidrs = new CidrTree(below ? below.#cidrs : undefined);
    this.#associations = new AssociationGraph(below ? below.#associations : undefined);
    this.#routes = new RouteTable(below ? below.#routes : undefined);
    this.#freeAddresses = new FreeAddresses(below ? below.#freeAddresses : undefined);
  }

  get position(): Position {
    return this.#position;
  }

  set position(position: Position) {
    this.#position = position;
    this.#since = 0;
  }

  /** Oldest first. */
  get restorations(): readonly Restoration[] {
    return this.#restorations;
  }

  get isProofRequired(): boolean {
    return this.#isProofRequired;
  }

  get defaultExpiry(): number | null {
    return this.#defaultExpiry;
  }

  /** By which a standby asks whether the server still stands; null: no kit was made yet. */
  get questionKey(): PublicKey | null {
    return this.#questionKey;
  }

  /** Null: the machine serves that did from the first. */
  get promotion(): Promotion | null {
    return this.#promotion;
  }

  /** Count of take-overs by standbys. */
  get epoch(): number {
    return this.#promotion?.epoch ?? 0;
  }

  peer(id: PeerId): Peer | undefined {
    return this.#peers.get(id);
  }

  peerNamed(name: string): Peer | undefined {
    return this.#peers.named(name);
  }

  peerAt(ip: Ip): Peer | undefined {
    return this.#peers.at(ip);
  }

  peerWithKey(key: PublicKey): Peer | undefined {
    return this.#peers.withKey(key);
  }

  peers(): Iterable<Peer> {
    return this.#peers.all();
  }

  get peerCount(): number {
    return this.#peers.size;
  }

  /** Peers of this CIDR, without its descendants. */
  peersIn(cidrId: CidrId): Iterable<Peer> {
    return this.#peers.in(cidrId);
  }

  holdsPeers(cidrId: CidrId): boolean {
    return this.#peers.hasAnyIn(cidrId);
  }

  invited(): Iterable<Peer> {
    return this.#peers.invited();
  }

  ending(): Iterable<Peer> {
    return this.#peers.ending();
  }

  *admins(): Generator<Peer> {
    for (const peer of this.#peers.admins())
      if (peer.id !== SERVER_PEER && peer.isRedeemed && !peer.isDisabled) yield peer;
  }

  /** Joined and enabled, by id. */
  relays(): Relay[] {
    const standing = [...this.#peers.relays()].filter((peer) => peer.isRedeemed && !peer.isDisabled);
    return standing
      .sort((left, right) => left.id - right.id)
      .flatMap((peer) =>
        peer.relayPort === undefined
          ? []
          : [{ peer, port: peer.relayPort, endpoint: peer.relayEndpoint ?? null }],
      );
  }

  /** Named ones, disabled ones too. */
  get standbys(): ReadonlySet<PeerId> {
    return new Set(this.#peers.standbys());
  }

  get hasPlainPeers(): boolean {
    return !this.plainPeers()[Symbol.iterator]().next().done;
  }

  /** Phones and their like, disabled ones too. */
  plainPeers(): Iterable<Peer> {
    return this.#peers.plain();
  }

  isRetiredIp(ip: Ip): boolean {
    return this.#peers.isRetiredIp(ip);
  }

  isRetiredKey(key: PublicKey): boolean {
    return this.#peers.isRetiredKey(key);
  }

  cidr(id: CidrId): CidrNode | undefined {
    return this.#cidrs.get(id);
  }

  cidrNamed(name: string): CidrNode | undefined {
    return this.#cidrs.named(name);
  }

  cidrs(): Iterable<CidrNode> {
    return this.#cidrs.all();
  }

  childrenOf(id: CidrId): Iterable<CidrNode> {
    return this.#cidrs.childrenOf(id);
  }

  hasChildren(id: CidrId): boolean {
    return this.#cidrs.hasChildren(id);
  }

  associations(): Iterable<Association> {
    return this.#associations.all();
  }

  association(id: AssociationId): Association | undefined {
    return this.#associations.get(id);
  }

  associationBetween(left: CidrId, right: CidrId): Association | undefined {
    return this.#associations.between(left, right);
  }

  associatedWith(id: CidrId): Iterable<CidrId> {
    return this.#associations.of(id);
  }

  /** Where this is false, what a peer sees depends on its CIDR alone. */
  get isAnythingLimited(): boolean {
    return this.#associations.isAnyLimited || this.#cidrs.isAnyIsolated;
  }

  /** Of some peer, what its program knows. */
  get isAnyWordKnown(): boolean {
    return this.#peers.isAnyWordKnown;
  }

  associationsJoining(left: CidrId, right: CidrId): Iterable<Association> {
    return this.#associations.joining(left, right);
  }

  /** By id. */
  routes(): Iterable<Route> {
    return this.#routes.all();
  }

  get routeCount(): number {
    return this.#routes.size;
  }

  route(id: RouteId): Route | undefined {
    return this.#routes.get(id);
  }

  routeNamed(name: string): Route | undefined {
    return this.#routes.named(name);
  }

  get nextIds(): { peer: PeerId; cidr: CidrId; association: AssociationId; route: RouteId } {
    return {
      peer: this.#peers.nextId,
      cidr: this.#cidrs.nextId,
      association: this.#associations.nextId,
      route: this.#routes.nextId,
    };
  }

  freeIpIn(node: CidrNode): Ip | undefined {
    const root = this.#cidrs.get(ROOT_CIDR)?.cidr ?? node.cidr;
    return this.#freeAddresses.lowestIn(node, (ip) => this.#peers.isFree(ip) && isAssignable(root, ip));
  }

  /** Refuses nothing: imports may break the rules. */
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
        this.#cidrs.add({ id: event.cidrId, name: event.name, cidr: event.cidr, parentId: event.parentId });
        break;
      case 'CidrRenamed':
        this.#cidrs.rename(event.cidrId, event.name);
        break;
      case 'CidrDeleted':
        this.#deleteCidr(event.cidrId);
        break;
      case 'PeerAdded':
        this.#peers.add(peerOf(event));
        break;
      case 'InvitationRedeemed':
        this.#peers.change(event.peerId, {
          publicKey: event.publicKey,
          isRedeemed: true,
          ...(event.proved ? { hasProved: true } : {}),
          ...(event.signingKey ? { signingKey: event.signingKey } : {}),
        });
        break;
      case 'InvitationReissued':
        this.#peers.change(event.peerId, { publicKey: event.publicKey, inviteExpires: event.inviteExpires });
        break;
      case 'InvitationRevoked':
      case 'InvitationExpired':
        this.#forgetPeer(event.peerId);
        break;
      case 'PeerRenamed':
        this.#peers.change(event.peerId, { name: event.name });
        break;
      case 'PeerDisabled':
        this.#peers.change(event.peerId, { isDisabled: true });
        break;
      case 'PeerExpired':
        this.#peers.change(event.peerId, { isDisabled: true });
        break;
      case 'PeerExpirySet':
        this.#peers.change(event.peerId, { expires: event.expires ?? undefined });
        break;
      case 'DefaultExpirySet':
        this.#defaultExpiry = event.seconds;
        break;
      case 'PeerEnabled':
        this.#peers.change(event.peerId, {
          isDisabled: false,
          ...(this.#restorations.length > 0 ? { isVouchedFor: true } : {}),
        });
        break;
      case 'PeerDeleted':
        this.#retirePeer(event.peerId);
        break;
      case 'AdminGranted':
        this.#peers.change(event.peerId, { isAdmin: true });
        break;
      case 'AdminRevoked':
        this.#peers.change(event.peerId, { isAdmin: false });
        break;
      case 'AssociationAdded':
        this.#associations.add({ id: event.associationId, cidrIds: event.cidrIds });
        break;
      case 'AssociationDeleted':
        this.#associations.delete(event.associationId);
        break;
      case 'AssociationLimited':
        this.#associations.limit(event.associationId, event.allow);
        break;
      case 'AssociationUnlimited':
        this.#associations.limit(event.associationId, undefined);
        break;
      case 'CidrIsolated':
        this.#cidrs.isolate(event.cidrId, true);
        break;
      case 'CidrUnisolated':
        this.#cidrs.isolate(event.cidrId, false);
        break;
      case 'EndpointOverrideSet':
        this.#peers.change(event.peerId, { endpoint: event.endpoint });
        break;
      case 'EndpointOverrideCleared':
        this.#peers.change(event.peerId, { endpoint: null });
        break;
      case 'ServerEndpointChanged':
        this.#peers.change(SERVER_PEER, { endpoint: event.endpoint });
        break;
      case 'RelaySet':
        this.#peers.change(event.peerId, { relayPort: event.port, relayEndpoint: event.endpoint });
        break;
      case 'RelayCleared':
        this.#peers.change(event.peerId, { relayPort: undefined, relayEndpoint: undefined });
        break;
      case 'ProofRequired':
        this.#turnProofs(event, true);
        break;
      case 'ProofWaived':
        this.#turnProofs(event, false);
        break;
      case 'PlainPeerDeclared':
      case 'PlainPeerRouted':
        this.#peers.change(event.peerId, { via: event.via });
        break;
      case 'PlainPeerRekeyed':
        this.#peers.change(event.peerId, { publicKey: event.publicKey });
        break;
      case 'PeerProved':
        this.#peers.change(event.peerId, { hasProved: true });
        break;
      case 'PeerEnforces':
        this.#peers.change(event.peerId, { limits: event.limits ?? undefined });
        break;
      case 'StandbyNamed':
        this.#peers.change(event.peerId, { isStandby: true });
        break;
      case 'StandbyDismissed':
        this.#peers.change(event.peerId, { isStandby: undefined });
        break;
      case 'QuestionKeySet':
        this.#questionKey = event.publicKey;
        break;
      case 'ServerPromoted':
        this.#promotion = { peerId: event.peerId, epoch: event.epoch };
        break;
      case 'RouteAdded':
        this.#routes.add({
          id: event.routeId,
          name: event.name,
          blocks: event.blocks,
          routers: [],
          openTo: [],
        });
        break;
      case 'RouteRenamed':
        this.#routes.rename(event.routeId, event.name);
        break;
      case 'RouteDeleted':
        this.#routes.delete(event.routeId);
        break;
      case 'RouterAdded':
      case 'RouterRanked':
        this.#routes.putRouter(event.routeId, routerOf(event));
        break;
      case 'RouterRemoved':
        this.#routes.dropRouter(event.routeId, event);
        break;
      case 'RouteOpened':
        this.#routes.open(event.routeId, event.cidrId);
        break;
      case 'RouteClosed':
        this.#routes.close(event.routeId, event.cidrId);
        break;
      default:
        event satisfies never;
    }
  }

  advance(events: Iterable<NetworkEvent>, to: Position): void {
    for (const event of events) this.evolve(event);
    this.position = to;
  }

  toJSON(): NetworkJson {
    return {
      name: this.name,
      position: this.position,
      peers: [...this.peers()],
      cidrs: [...this.cidrs()],
      associations: [...this.associations()],
      routes: [...this.routes()],
      retiredIps: [...this.#peers.retiredIps()],
      retiredKeys: [...this.#peers.retiredKeys()],
      nextIds: this.nextIds,
      restorations: [...this.#restorations],
      isProofRequired: this.#isProofRequired,
      defaultExpiry: this.#defaultExpiry,
      questionKey: this.#questionKey,
      promotion: this.#promotion,
    };
  }

  static fromJSON(json: NetworkJson): Network {
    const network = new Network();
    network.name = json.name;
    network.position = json.position;
    network.#restorations = json.restorations;
    network.#isProofRequired = json.isProofRequired;
    network.#defaultExpiry = json.defaultExpiry;
    network.#questionKey = json.questionKey;
    network.#promotion = json.promotion;
    for (const node of json.cidrs) network.#cidrs.add(node);
    for (const peer of json.peers) network.#peers.add(peer);
    for (const association of json.associations) network.#associations.add(association);
    for (const route of json.routes) network.#routes.add(route);
    for (const ip of json.retiredIps) network.#peers.retireIp(ip);
    for (const key of json.retiredKeys) network.#peers.retireKey(key);
    network.#peers.skipTo(json.nextIds.peer);
    network.#cidrs.skipTo(json.nextIds.cidr);
    network.#associations.skipTo(json.nextIds.association);
    network.#routes.skipTo(json.nextIds.route);
    return network;
  }

  /** A layer that takes events of its own. It reads through, so it is invalid once this network changes. */
  draft(): Network {
    return new Network(this);
  }

  clone(): Network {
    return Network.fromJSON(this.toJSON());
  }

  #restore({ lostPosition, lostHash }: EventOf<'LogRestored'>): void {
    const position = this.#position + this.#since;
    this.#restorations = [...this.#restorations, { position, lostPosition, lostHash }];
    this.#peers.unvouch();
  }

  #turnProofs({ peerId }: { peerId?: PeerId | undefined }, isRequired: boolean): void {
    if (peerId === undefined) this.#isProofRequired = isRequired;
    else this.#peers.change(peerId, { isProofWaived: isRequired ? undefined : true });
  }

  #deleteCidr(id: CidrId): void {
    this.#cidrs.delete(id);
    this.#freeAddresses.forget(id);
  }

  #forgetPeer(id: PeerId): void {
    const peer = this.#peers.forget(id);
    if (peer) this.#freeAddresses.release(peer.ip, (cidrId) => this.#cidrs.get(cidrId));
  }

  #retirePeer(id: PeerId): void {
    const peer = this.#peers.forget(id);
    if (peer) this.#peers.retireIp(peer.ip);
  }
}

const peerOf = (event: EventOf<'PeerAdded'>): Peer => {
  const { type: _, reverts: _at, returnsTo: _to, ...body } = event;
  const { peerId, name, ip, cidrId, publicKey, isAdmin, inviteExpires, ...rest } = body;
  const { disabled = false, redeemed = false, endpoint = null, ...nothing } = rest;
  const state = { isDisabled: disabled, isRedeemed: redeemed, inviteExpires, endpoint };
  nothing satisfies Nothing;
  return { id: peerId, name, ip, cidrId, publicKey, isAdmin, ...state };
};
