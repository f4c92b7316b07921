/**
 * Every event that the log can hold. A published type never changes: a new field is optional, any other
 * change is a new type and an upcast.
 */
import * as z from 'zod';
import { Endpoint, Port } from '../values/endpoint.ts';
import { AssociationId, CidrId, Epoch, Hash, PeerId, Position, RouteId } from '../values/id.ts';
import { Ip, RecordedCidr } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { RecordedName } from '../values/name.ts';
import { MAX_OPENINGS, Opening } from '../values/opening.ts';
import { SigningKey } from '../values/signing-key.ts';
import { Seconds, Timestamp } from '../values/time.ts';

/** Undoing one commit names its end; returning to an earlier position names both. */
const undoing = { reverts: Position.optional(), returnsTo: Position.optional() };

const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), ...shape, ...undoing });

/** First record; CIDRs and the server's peer follow in its commit. */
const NetworkCreated = event('NetworkCreated', { name: RecordedName });

/** First record of an import from innernet 2.0; its content follows in the same commit. */
const NetworkImported = event('NetworkImported', {
  name: RecordedName,
  source: z.object({ program: z.string(), version: z.number().int(), sha256: Hash.optional() }),
});

/** A restored backup gave up the records up to this lost head. */
const LogRestored = event('LogRestored', { lostPosition: Position, lostHash: Hash });

const CidrAdded = event('CidrAdded', {
  cidrId: CidrId,
  name: RecordedName,
  cidr: RecordedCidr,
  parentId: CidrId.nullable(),
});
const CidrRenamed = event('CidrRenamed', { cidrId: CidrId, name: RecordedName });
const CidrDeleted = event('CidrDeleted', { cidrId: CidrId });

/** Unless `redeemed`, `publicKey` is the invitation's temporary key. */
const PeerAdded = event('PeerAdded', {
  peerId: PeerId,
  name: RecordedName,
  ip: Ip,
  cidrId: CidrId,
  publicKey: PublicKey,
  isAdmin: z.boolean(),
  /** Null: never, or no invitation. */
  inviteExpires: Timestamp.nullable(),
  redeemed: z.boolean().optional(),
  disabled: z.boolean().optional(),
  endpoint: Endpoint.optional(),
});
const InvitationRedeemed = event('InvitationRedeemed', {
  peerId: PeerId,
  publicKey: PublicKey,
  /** The new key proved itself in its redemption. */
  proved: z.boolean().optional(),
  /** The machine's own key, with which its peer signs; WireGuard's cannot. */
  signingKey: SigningKey.optional(),
});
/** Before the peer joins; its old invitation is void. */
const InvitationReissued = event('InvitationReissued', {
  peerId: PeerId,
  publicKey: PublicKey,
  inviteExpires: Timestamp.nullable(),
});
const InvitationRevoked = event('InvitationRevoked', { peerId: PeerId });
const InvitationExpired = event('InvitationExpired', { peerId: PeerId });

const PeerRenamed = event('PeerRenamed', { peerId: PeerId, name: RecordedName });
const PeerDisabled = event('PeerDisabled', { peerId: PeerId });
const PeerEnabled = event('PeerEnabled', { peerId: PeerId });
/** Null: never. */
const PeerExpirySet = event('PeerExpirySet', { peerId: PeerId, expires: Timestamp.nullable() });
/** Cuts the peer off as `PeerDisabled` does. */
const PeerExpired = event('PeerExpired', { peerId: PeerId });
/** Expiry of new peers without their own; null: never. */
const DefaultExpirySet = event('DefaultExpirySet', { seconds: Seconds.nullable() });
const PeerDeleted = event('PeerDeleted', { peerId: PeerId });
const AdminGranted = event('AdminGranted', { peerId: PeerId });
const AdminRevoked = event('AdminRevoked', { peerId: PeerId });

const AssociationAdded = event('AssociationAdded', {
  associationId: AssociationId,
  cidrIds: z.tuple([CidrId, CidrId]),
});
const AssociationDeleted = event('AssociationDeleted', { associationId: AssociationId });
/** Only this may be begun over it, by the peers of `from`; an empty list: nothing. Again: this instead. */
const AssociationLimited = event('AssociationLimited', {
  associationId: AssociationId,
  allow: z.array(Opening).max(MAX_OPENINGS),
});
const AssociationUnlimited = event('AssociationUnlimited', { associationId: AssociationId });
/** Its own peers do not see each other by being in it. */
const CidrIsolated = event('CidrIsolated', { cidrId: CidrId });
const CidrUnisolated = event('CidrUnisolated', { cidrId: CidrId });

const EndpointOverrideSet = event('EndpointOverrideSet', { peerId: PeerId, endpoint: Endpoint });
const EndpointOverrideCleared = event('EndpointOverrideCleared', { peerId: PeerId });
/** Outside endpoint, also of the server's peer. */
const ServerEndpointChanged = event('ServerEndpointChanged', { endpoint: Endpoint });

/** The peer passes packets of pairs that see it; again: moved. Without `endpoint`: at the host where it is seen. */
const RelaySet = event('RelaySet', { peerId: PeerId, port: Port, endpoint: Endpoint.optional() });
const RelayCleared = event('RelayCleared', { peerId: PeerId });

/** Requests need a proof by key; with `peerId`, that peer's waiver ends. */
const ProofRequired = event('ProofRequired', { peerId: PeerId.optional() });
/** Requests need no proof; with `peerId`, only that peer's. */
const ProofWaived = event('ProofWaived', { peerId: PeerId.optional() });
const PeerProved = event('PeerProved', { peerId: PeerId });
/** Whether the peer's program keeps to limits; null: an older program, which says nothing of them. */
const PeerEnforces = event('PeerEnforces', { peerId: PeerId, limits: z.boolean().nullable() });

/** A peer that follows nothing, such as a phone: the router `via` passes its packets. In the commit of its PeerAdded. */
const PlainPeerDeclared = event('PlainPeerDeclared', { peerId: PeerId, via: PeerId });
const PlainPeerRouted = event('PlainPeerRouted', { peerId: PeerId, via: PeerId });
/** Same name and address; only its router ever knew the old key. */
const PlainPeerRekeyed = event('PlainPeerRekeyed', { peerId: PeerId, publicKey: PublicKey });

/** Its machine may follow the whole log, and take over from the server's. */
const StandbyNamed = event('StandbyNamed', { peerId: PeerId });
const StandbyDismissed = event('StandbyDismissed', { peerId: PeerId });
/** Whoever serves answers a handshake of this key, by which a standby asks whether the server still stands. */
const QuestionKeySet = event('QuestionKeySet', { publicKey: PublicKey });
/** From here on this standby's machine serves. */
const ServerPromoted = event('ServerPromoted', { peerId: PeerId, epoch: Epoch });
/** A route's blocks; WireGuard gives each to one peer at a time. */
export const MAX_BLOCKS = 8;
/** Ranks of routers: the least goes first. */
export const MAX_RANK = 1_000;
export const Rank = z.number().int().nonnegative().max(MAX_RANK);

/** A router: one peer, or each peer in a CIDR. */
const OfRouter = { routeId: RouteId, peerId: PeerId.optional(), cidrId: CidrId.optional() };
const namesOne = ({
  peerId,
  cidrId,
}: {
  peerId?: PeerId | undefined;
  cidrId?: CidrId | undefined;
}): boolean => (peerId === undefined) !== (cidrId === undefined);
const EITHER = 'a router is a peer or a CIDR';

/** Blocks outside the network, closed to all and carried by nobody. Either all are defaults (an exit) or none is. */
const RouteAdded = event('RouteAdded', {
  routeId: RouteId,
  name: RecordedName,
  blocks: z.array(RecordedCidr).min(1).max(MAX_BLOCKS),
});
const RouteRenamed = event('RouteRenamed', { routeId: RouteId, name: RecordedName });
const RouteDeleted = event('RouteDeleted', { routeId: RouteId });
/** Its own machine must offer the route as well. `keepSource`: packets into the route keep their sender. */
const RouterAdded = event('RouterAdded', {
  ...OfRouter,
  rank: Rank,
  keepSource: z.literal(true).optional(),
}).refine(namesOne, EITHER);
const RouterRanked = event('RouterRanked', { ...OfRouter, rank: Rank }).refine(namesOne, EITHER);
const RouterRemoved = event('RouterRemoved', OfRouter).refine(namesOne, EITHER);
/** Peers of the CIDR, and of those in it, may use the route by routers that they see. */
const RouteOpened = event('RouteOpened', { routeId: RouteId, cidrId: CidrId });
const RouteClosed = event('RouteClosed', { routeId: RouteId, cidrId: CidrId });

export const NetworkEvent = z.discriminatedUnion('type', [
  NetworkCreated,
  NetworkImported,
  LogRestored,
  CidrAdded,
  CidrRenamed,
  CidrDeleted,
  PeerAdded,
  InvitationRedeemed,
  InvitationReissued,
  InvitationRevoked,
  InvitationExpired,
  PeerRenamed,
  PeerDisabled,
  PeerEnabled,
  PeerExpirySet,
  PeerExpired,
  DefaultExpirySet,
  PeerDeleted,
  AdminGranted,
  AdminRevoked,
  AssociationAdded,
  AssociationDeleted,
  AssociationLimited,
  AssociationUnlimited,
  CidrIsolated,
  CidrUnisolated,
  EndpointOverrideSet,
  EndpointOverrideCleared,
  ServerEndpointChanged,
  RelaySet,
  RelayCleared,
  ProofRequired,
  ProofWaived,
  PlainPeerDeclared,
  PlainPeerRouted,
  PlainPeerRekeyed,
  PeerProved,
  PeerEnforces,
  StandbyNamed,
  StandbyDismissed,
  QuestionKeySet,
  ServerPromoted,
  RouteAdded,
  RouteRenamed,
  RouteDeleted,
  RouterAdded,
  RouterRanked,
  RouterRemoved,
  RouteOpened,
  RouteClosed,
]);
export type NetworkEvent = z.infer<typeof NetworkEvent>;
export type EventType = NetworkEvent['type'];

export type EventOf<T extends EventType> = Extract<NetworkEvent, { type: T }>;

export const EVENT_TYPES: readonly EventType[] = NetworkEvent.options.map(
  (option) => option.shape.type.value,
);
