/** Peers and CIDRs as our own two programs show them to each other, in snapshots and deltas alike. */
import * as z from 'zod';
import type { CidrNode } from '../domain/cidr-tree.ts';
import type { Peer } from '../domain/peer-table.ts';
import { Endpoint, SocketAddress } from '../values/endpoint.ts';
import { CidrId, PeerId } from '../values/id.ts';
import { Ip, RecordedCidr } from '../values/ip.ts';
import { PublicKey } from '../values/key.ts';
import { RecordedName } from '../values/name.ts';
import { Timestamp } from '../values/time.ts';

/** A peer that has joined and is enabled: nobody is shown any other. */
export const PeerRow = z.object({
  id: PeerId,
  name: RecordedName,
  ip: Ip,
  cidrId: CidrId,
  publicKey: PublicKey,
  isAdmin: z.boolean(),
  /** What the peer insists on; an all-zero host means "as the server sees me, but with this port". */
  endpoint: Endpoint.nullable(),
  /** Somebody has enabled it since the last restored backup: a client that had seen it go lets it in again. */
  isVouchedFor: z.literal(true).optional(),
});
export type PeerRow = z.infer<typeof PeerRow>;

export const CidrRow = z.object({
  id: CidrId,
  name: RecordedName,
  cidr: RecordedCidr,
  parentId: CidrId.nullable(),
});
export type CidrRow = z.infer<typeof CidrRow>;

/** What is seen of a peer, not decided: where WireGuard heard it last and where it says that it may be reached. */
export const Observation = z.object({
  id: PeerId,
  endpoint: SocketAddress.nullable(),
  candidates: z.array(SocketAddress).max(32),
});
export type Observation = z.infer<typeof Observation>;

/** Requests of a peer that were refused because they held no proof by its key. */
export const UnprovedRefusal = z.object({ peerId: PeerId, count: z.number().int(), last: Timestamp });
export type UnprovedRefusal = z.infer<typeof UnprovedRefusal>;

export const peerRow = (peer: Peer): PeerRow => ({
  id: peer.id,
  name: peer.name,
  ip: peer.ip,
  cidrId: peer.cidrId,
  publicKey: peer.publicKey,
  isAdmin: peer.isAdmin,
  endpoint: peer.endpoint,
  ...(peer.isVouchedFor ? { isVouchedFor: true } : {}),
});

export const cidrRow = ({ id, name, cidr, parentId }: CidrNode): CidrRow => ({ id, name, cidr, parentId });
