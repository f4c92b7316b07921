/** Peers, CIDRs and routes as our programs exchange them. */
import * as z from 'zod';
import type { CidrNode } from '../domain/cidr-tree.ts';
import { ShownPeer, shownOf } from '../domain/peer.ts';
import type { ShownRoute } from '../domain/routes.ts';
import { MAX_BLOCKS, Rank } from '../events/schema.ts';
import { Port, SocketAddress } from '../values/endpoint.ts';
import { AssociationId, CidrId, Epoch, PeerId, Position, RouteId } from '../values/id.ts';
import { RecordedCidr } from '../values/ip.ts';
import { RecordedName } from '../values/name.ts';
import { Allow, Opening } from '../values/opening.ts';
import { Timestamp } from '../values/time.ts';

/** A joined and enabled peer; others are never shown. */
export const PeerRow = ShownPeer;
export type PeerRow = ShownPeer;
export const peerRow = shownOf;

export const CidrRow = z.object({
  id: CidrId,
  name: RecordedName,
  cidr: RecordedCidr,
  parentId: CidrId.nullable(),
});
export type CidrRow = z.infer<typeof CidrRow>;

/** Relays at which one peer may be met. */
export const MAX_VIA = 8;

/** What a machine says of blocks that it carries, or would: its own word, besides what admins decide. */
export const Offer = z.object({
  block: RecordedCidr,
  /** It could pass packets there now. */
  ready: z.boolean(),
  /** Why not, in one sentence. */
  why: z.string().max(200).optional(),
});
export type Offer = z.infer<typeof Offer>;

/** Of one machine. */
const MAX_OFFERS = 64;
export const Offers = z.array(Offer).max(MAX_OFFERS);

/** What the machine of a router said last. */
export const RouterOffers = z.object({ peerId: PeerId, offers: Offers });
export type RouterOffers = z.infer<typeof RouterOffers>;

/** The endpoint where WireGuard last heard a peer, and the peer's candidates. */
export const Observation = z.object({
  id: PeerId,
  endpoint: SocketAddress.nullable(),
  candidates: z.array(SocketAddress).max(32),
  /** Relays at which the peer's mailbox is open now; absent: none. */
  via: z.array(PeerId).max(MAX_VIA).optional(),
  /** What its machine would carry; absent: nothing. */
  offers: Offers.optional(),
});
export type Observation = z.infer<typeof Observation>;

/**
 * What peers of a CIDR, one that holds peers, may begin towards this client, and it towards them. Not for
 * itself: peers of a CIDR without a row are whole.
 */
export const LimitRow = z.object({ cidrId: CidrId, inbound: z.array(Allow), outbound: z.array(Allow) });
export type LimitRow = z.infer<typeof LimitRow>;

/**
 * A route that this client may use, by routers that it sees; none: nobody whom it sees carries it. A default
 * block makes it an exit.
 */
export const RouteRow = z.object({
  id: RouteId,
  name: RecordedName,
  blocks: z.array(RecordedCidr).min(1).max(MAX_BLOCKS),
  /** The least rank first. */
  routers: z.array(z.object({ id: PeerId, rank: Rank })),
});
export type RouteRow = z.infer<typeof RouteRow>;

export const routeRow = ({ id, name, blocks, routers }: ShownRoute): RouteRow => ({
  id,
  name,
  blocks: [...blocks],
  routers: [...routers],
});

/** A peer's requests refused for lack of a proof. */
export const UnprovedRefusal = z.object({ peerId: PeerId, count: z.number().int(), last: Timestamp });
export type UnprovedRefusal = z.infer<typeof UnprovedRefusal>;

/** The server's last handshake with a peer. */
export const SeenPeer = z.object({ peerId: PeerId, last: Timestamp });
export type SeenPeer = z.infer<typeof SeenPeer>;

/** Of a relay on a peer's machine, which its own word must allow. */
export const RelayStanding = z.object({
  peerId: PeerId,
  /** The UDP port to which the machine consents; null: to none. */
  consents: Port.nullable(),
  /** Why it cannot relay now. */
  trouble: z.string().nullable(),
  /** Whether its program is connected and relays; absent: not known here. */
  isServing: z.boolean().optional(),
});
export type RelayStanding = z.infer<typeof RelayStanding>;

/** Of a machine that is named a standby. */
export const StandbyStanding = z.object({
  peerId: PeerId,
  isConnected: z.boolean(),
  /** Nothing is acknowledged before it is on this standby's disk. */
  isLevel: z.boolean(),
  /** What is on its disk; null: not known since the server has started. */
  position: Position.nullable(),
  /** Last word of it; null: none since the server has started. */
  heard: Timestamp.nullable(),
  /** Of its program. */
  version: z.string().optional(),
  /** Why it left. */
  trouble: z.string().optional(),
});
export type StandbyStanding = z.infer<typeof StandbyStanding>;

/** Of all named standbys, as the running server knows it. */
export const StandbyReport = z.object({
  /** Since when none is level; null: one is, or none is named. */
  aloneSince: Timestamp.nullable(),
  standbys: z.array(StandbyStanding),
});
export type StandbyReport = z.infer<typeof StandbyReport>;

/** The latest take-over by a standby. */
export const PromotionAt = z.object({ peerId: PeerId, epoch: Epoch });

export const cidrRow = ({ id, name, cidr, parentId }: CidrNode): CidrRow => ({ id, name, cidr, parentId });

/** A CIDR as admins see it. */
export const CidrAt = CidrRow.extend({
  /** Its own peers do not see each other by being in it. */
  isIsolated: z.literal(true).optional(),
});

export const AssociationAt = z.object({
  id: AssociationId,
  cidrIds: z.tuple([CidrId, CidrId]),
  /** All that may be begun over it; absent: everything, both ways. */
  allow: z.array(Opening).optional(),
});

/** A route as admins see it. */
export const RouteAt = z.object({
  id: RouteId,
  name: RecordedName,
  blocks: z.array(RecordedCidr),
  routers: z.array(
    z.object({
      peerId: PeerId.optional(),
      cidrId: CidrId.optional(),
      rank: Rank,
      keepSource: z.literal(true).optional(),
    }),
  ),
  openTo: z.array(CidrId),
});
