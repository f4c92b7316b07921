/** Peers, CIDRs and associations as innernet 2.0's clients read them. */
import type * as z from 'zod';
import type { Association } from '../../domain/association-graph.ts';
import type { CidrNode } from '../../domain/cidr-tree.ts';
import type { Peer } from '../../domain/peer.ts';
import type { SystemTime, V1Association, V1Cidr, V1Peer } from '../../protocol/v1.ts';
import { endpointOf, hostOf, isUnspecified, portOf } from '../../values/endpoint.ts';
import type { Timestamp } from '../../values/time.ts';
import type { Observed } from '../observations/observations.ts';

/** As in innernet 2.0. */
const KEEPALIVE_SECONDS = 25;

/** The override, else where WireGuard last heard the peer; an all-zero override gives only the port. */
const advertisedEndpoint = (
  { endpoint: override }: Pick<Peer, 'endpoint'>,
  { endpoint: seen }: Pick<Observed, 'endpoint'>,
): string | null => {
  if (override === null) return seen;
  if (!isUnspecified(override)) return override;
  return seen === null ? null : endpointOf(hostOf(seen), portOf(override));
};

const candidatesOf = (endpoint: string | null, { endpoint: seen, candidates }: Observed): string[] =>
  seen === null || seen === endpoint || candidates.includes(seen) ? [...candidates] : [...candidates, seen];

const systemTime = (time: Timestamp): z.infer<typeof SystemTime> => {
  const milliseconds = Date.parse(time);
  return {
    secs_since_epoch: Math.floor(milliseconds / 1000),
    nanos_since_epoch: (milliseconds % 1000) * 1_000_000,
  };
};

export const timestampOf = ({ secs_since_epoch, nanos_since_epoch }: z.infer<typeof SystemTime>): Timestamp =>
  new Date(secs_since_epoch * 1000 + Math.floor(nanos_since_epoch / 1_000_000)).toISOString() as Timestamp;

export const v1Peer = (peer: Peer, observed: Observed): V1Peer => {
  const endpoint = advertisedEndpoint(peer, observed);
  return {
    id: peer.id,
    name: peer.name,
    ip: peer.ip,
    cidr_id: peer.cidrId,
    public_key: peer.publicKey,
    endpoint,
    persistent_keepalive_interval: KEEPALIVE_SECONDS,
    is_admin: peer.isAdmin,
    is_disabled: peer.isDisabled,
    is_redeemed: peer.isRedeemed,
    invite_expires: peer.inviteExpires && systemTime(peer.inviteExpires),
    candidates: candidatesOf(endpoint, observed),
  };
};

export const v1Cidr = ({ id, name, cidr, parentId }: CidrNode): V1Cidr => ({
  id,
  name,
  cidr,
  parent: parentId,
});

export const v1Association = ({ id, cidrIds: [left, right] }: Association): V1Association => ({
  id,
  cidr_id_1: left,
  cidr_id_2: right,
});
