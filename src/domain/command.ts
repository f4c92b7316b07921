/** The commands that people and programs give to a network, parsed at the door. */
import * as z from 'zod';
import { MAX_BLOCKS, Rank } from '../events/schema.ts';
import { Endpoint, Port, SocketAddress } from '../values/endpoint.ts';
import { CidrId, PeerId, Position, RouteId } from '../values/id.ts';
import { Cidr, Ip } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { Hostname, InterfaceName, RecordedName } from '../values/name.ts';
import { MAX_OPENINGS, Opening, PORTS_NEED, portsFit } from '../values/opening.ts';
import { SigningKey } from '../values/signing-key.ts';
import { Seconds, Timestamp } from '../values/time.ts';

/** A peer by id or by its present name. */
export const PeerRef = z.union([PeerId, RecordedName]);
export type PeerRef = z.infer<typeof PeerRef>;

/** A CIDR by id or by its present name. */
export const CidrRef = z.union([CidrId, RecordedName]);
export type CidrRef = z.infer<typeof CidrRef>;

/** A route by id or by its present name. */
export const RouteRef = z.union([RouteId, RecordedName]);
export type RouteRef = z.infer<typeof RouteRef>;

/** A moment, or seconds from now by the server's clock; null: never. */
export const End = z.union([Timestamp, Seconds]).nullable();
export type End = z.infer<typeof End>;

const command = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), ...shape });

/** Confirms an act on the last admin other than the server. */
const confirmed = z.boolean().optional();

const CreateNetwork = command('CreateNetwork', {
  name: InterfaceName,
  cidr: Cidr,
  serverKey: PublicKey,
  endpoint: Endpoint,
  /** For the first peers. */
  firstCidr: z.object({ name: Hostname, cidr: Cidr }).optional(),
  /** Absent: the server does not relay. */
  relayPort: Port.optional(),
});
const ExpireInvitations = command('ExpireInvitations', {});
const ExpirePeers = command('ExpirePeers', {});
const RedeemInvitation = command('RedeemInvitation', {
  publicKey: PublicKey,
  signingKey: SigningKey.optional(),
});

/** Keys that the server has seen prove themselves; retired ones are skipped. */
const RecordProofs = command('RecordProofs', { publicKeys: z.array(PublicKey).min(1).max(1000) });

const AddCidr = command('AddCidr', { name: Hostname, cidr: Cidr, parent: CidrRef.optional() });
const RenameCidr = command('RenameCidr', { cidr: CidrRef, name: Hostname });
const DeleteCidr = command('DeleteCidr', { cidr: CidrRef });

const AddPeer = command('AddPeer', {
  name: Hostname,
  cidr: CidrRef,
  /** Absent: the lowest free address. */
  ip: Ip.optional(),
  isAdmin: z.boolean(),
  publicKey: PublicKey,
  inviteExpires: Timestamp.nullable(),
  /** The key is the peer's own, as a phone's: no invitation. */
  redeemed: z.boolean().optional(),
  disabled: z.boolean().optional(),
  endpoint: Endpoint.optional(),
  /** Absent: the network's default. */
  expires: End.optional(),
});
const RenamePeer = command('RenamePeer', { peer: PeerRef, name: Hostname });
const DisablePeer = command('DisablePeer', { peer: PeerRef, confirmed });
/** `expires`: the new expiry, required for an expired peer; absent: unchanged. */
const EnablePeer = command('EnablePeer', { peer: PeerRef, expires: End.optional() });
const SetExpiry = command('SetExpiry', { peer: PeerRef, expires: End });
/** Counted from a peer's addition; null: never. */
const SetDefaultExpiry = command('SetDefaultExpiry', { seconds: Seconds.nullable() });
const DeletePeer = command('DeletePeer', { peer: PeerRef, confirmed });
const GrantAdmin = command('GrantAdmin', { peer: PeerRef });
const RevokeAdmin = command('RevokeAdmin', { peer: PeerRef, confirmed });
const ReissueInvitation = command('ReissueInvitation', {
  peer: PeerRef,
  publicKey: PublicKey,
  inviteExpires: Timestamp.nullable(),
});
const RevokeInvitation = command('RevokeInvitation', { peer: PeerRef });
const SetEndpointOverride = command('SetEndpointOverride', { peer: PeerRef, endpoint: Endpoint });
const ClearEndpointOverride = command('ClearEndpointOverride', { peer: PeerRef });
const ChangeServerEndpoint = command('ChangeServerEndpoint', { endpoint: Endpoint });

/** An empty list: nothing may be begun. */
const Openings = z
  .array(z.strictObject({ ...Opening.shape, from: CidrRef }).refine(portsFit, PORTS_NEED))
  .max(MAX_OPENINGS);

const cidrs = z.tuple([CidrRef, CidrRef]);
/** Without `allow` everything may be begun, both ways. */
const AddAssociation = command('AddAssociation', { cidrs, allow: Openings.optional() });
const DeleteAssociation = command('DeleteAssociation', { cidrs });
/** Replaces an earlier limit. */
const LimitAssociation = command('LimitAssociation', { cidrs, allow: Openings });
const UnlimitAssociation = command('UnlimitAssociation', { cidrs });

const IsolateCidr = command('IsolateCidr', { cidr: CidrRef });
const UnisolateCidr = command('UnisolateCidr', { cidr: CidrRef });

/** What the programs of peers say of limits; null: nothing, as older ones do. Peers that are gone are skipped. */
const RecordEnforcers = command('RecordEnforcers', {
  said: z
    .array(z.object({ peerId: PeerId, limits: z.boolean().nullable() }))
    .min(1)
    .max(1000),
});

/**
 * Again: moved. Without `endpoint` at the host where the peer is seen, the server's at its own; an all-zero
 * host: there, at this outside port.
 */
const SetRelay = command('SetRelay', { peer: PeerRef, port: Port, endpoint: SocketAddress.optional() });
const ClearRelay = command('ClearRelay', { peer: PeerRef });

/** Admins' requests need a proof by key; with `peer`, that peer's waiver ends. */
const RequireProof = command('RequireProof', { peer: PeerRef.optional() });
const WaiveProof = command('WaiveProof', { peer: PeerRef.optional() });

/** A peer that follows nothing, such as a phone, with a key of its own. Absent `via`: the server. */
const AddPlainPeer = command('AddPlainPeer', {
  name: Hostname,
  cidr: CidrRef,
  /** Absent: the lowest free address. */
  ip: Ip.optional(),
  publicKey: PublicKey,
  via: PeerRef.optional(),
  /** Absent: the network's default. */
  expires: End.optional(),
});
const RoutePlainPeer = command('RoutePlainPeer', { peer: PeerRef, via: PeerRef });
const RekeyPlainPeer = command('RekeyPlainPeer', { peer: PeerRef, publicKey: PublicKey });

const NameStandby = command('NameStandby', { peer: PeerRef });
const DismissStandby = command('DismissStandby', { peer: PeerRef });
/** Of the key pair in the kit; again: replaced. */
const SetQuestionKey = command('SetQuestionKey', { publicKey: PublicKey });
/** The peer's machine serves from here on. */
const PromoteStandby = command('PromoteStandby', { peer: PeerRef });
/** A router: one peer, or each peer in a CIDR. The least rank goes first; absent: 0. */
const router = {
  peer: PeerRef.optional(),
  cidr: CidrRef.optional(),
};
const isOne = ({ peer, cidr }: { peer?: PeerRef | undefined; cidr?: CidrRef | undefined }): boolean =>
  (peer === undefined) !== (cidr === undefined);
const EITHER = 'a router is a peer or a CIDR';
/** `keepSource`: packets into the route keep their sender. */
const carrying = { ...router, rank: Rank.optional(), keepSource: z.boolean().optional() };

/** With its routers and whom it is open to, all in one commit; without: carried by nobody, and closed. */
const AddRoute = command('AddRoute', {
  name: Hostname,
  blocks: z.array(Cidr).min(1).max(MAX_BLOCKS),
  routers: z.array(z.strictObject(carrying).refine(isOne, EITHER)).max(16).optional(),
  openTo: z.array(CidrRef).max(16).optional(),
});
const RenameRoute = command('RenameRoute', { route: RouteRef, name: Hostname });
const DeleteRoute = command('DeleteRoute', { route: RouteRef });
const AddRouter = command('AddRouter', { route: RouteRef, ...carrying }).refine(isOne, EITHER);
const RankRouter = command('RankRouter', { route: RouteRef, ...router, rank: Rank }).refine(isOne, EITHER);
const RemoveRouter = command('RemoveRouter', { route: RouteRef, ...router }).refine(isOne, EITHER);
const OpenRoute = command('OpenRoute', { route: RouteRef, cidr: CidrRef });
const CloseRoute = command('CloseRoute', { route: RouteRef, cidr: CidrRef });

const SINGLE = [
  AddCidr,
  RenameCidr,
  DeleteCidr,
  AddPeer,
  RenamePeer,
  DisablePeer,
  EnablePeer,
  SetExpiry,
  SetDefaultExpiry,
  DeletePeer,
  GrantAdmin,
  RevokeAdmin,
  ReissueInvitation,
  RevokeInvitation,
  SetEndpointOverride,
  ClearEndpointOverride,
  ChangeServerEndpoint,
  AddAssociation,
  DeleteAssociation,
  LimitAssociation,
  UnlimitAssociation,
  IsolateCidr,
  UnisolateCidr,
  SetRelay,
  ClearRelay,
  AddPlainPeer,
  RoutePlainPeer,
  RekeyPlainPeer,
  AddRoute,
  RenameRoute,
  DeleteRoute,
  AddRouter,
  RankRouter,
  RemoveRouter,
  OpenRoute,
  CloseRoute,
  RequireProof,
  WaiveProof,
  NameStandby,
  DismissStandby,
] as const;

const SingleAdminCommand = z.discriminatedUnion('type', SINGLE);

/** All or none. */
const AllOf = command('AllOf', {
  commands: z.array(SingleAdminCommand).min(1).max(1000),
  /** Position of the plan; refused if the network has moved on. */
  at: Position.optional(),
  /** End of the undone commit, and the position returned to if all since is undone. */
  reverts: Position.optional(),
  returnsTo: Position.optional(),
});

/** What an admin may send from afar. */
export const AdminCommand = z.discriminatedUnion('type', [...SINGLE, AllOf]);
export type AdminCommand = z.infer<typeof AdminCommand>;

export type Undoing = z.infer<typeof AllOf>;

export const Command = z.discriminatedUnion('type', [
  ...SINGLE,
  AllOf,
  CreateNetwork,
  ExpireInvitations,
  ExpirePeers,
  RedeemInvitation,
  RecordProofs,
  RecordEnforcers,
  SetQuestionKey,
  PromoteStandby,
]);
export type Command = z.infer<typeof Command>;
export type CommandType = Command['type'];
export type CommandOf<T extends CommandType> = Extract<Command, { type: T }>;
