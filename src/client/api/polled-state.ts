/** An older server's state: its rows as ours, and its observations of peers. */
import { CidrRow, Observation, PeerRow } from '../../protocol/rows.ts';
import type { State, V1Peer } from '../../protocol/v1.ts';
import { Endpoint, SocketAddress } from '../../values/endpoint.ts';
import { SERVER_PEER } from '../../values/id.ts';

/** Unreadable rows are left out and named. */
export type PolledState = {
  peers: PeerRow[];
  cidrs: CidrRow[];
  observations: Observation[];
  unreadable: string[];
};

/** Of one peer. */
const MAX_CANDIDATES = 10;

/**
 * An older server gives one endpoint a peer, seen or insisted on. It counts as seen, so that a moving peer
 * changes no row; only DNS names and the server's own are insisted on.
 */
const rowOf = (peer: V1Peer): unknown => {
  const endpoint = Endpoint.safeParse(peer.endpoint).data ?? null;
  const isSeen = peer.id !== SERVER_PEER && SocketAddress.safeParse(endpoint).success;
  return {
    id: peer.id,
    name: peer.name,
    ip: peer.ip,
    cidrId: peer.cidr_id,
    publicKey: peer.public_key,
    isAdmin: peer.is_admin,
    endpoint: isSeen ? null : endpoint,
  };
};

const observationOf = ({ id, endpoint, candidates }: V1Peer): unknown => ({
  id,
  endpoint: SocketAddress.safeParse(endpoint).data ?? null,
  candidates: candidates
    .flatMap((candidate) => SocketAddress.safeParse(candidate).data ?? [])
    .slice(0, MAX_CANDIDATES),
});

/** Leaves out disabled and unredeemed peers. */
export const polledState = ({ peers, cidrs }: State): PolledState => {
  const polled: PolledState = { peers: [], cidrs: [], observations: [], unreadable: [] };
  for (const peer of peers) {
    if (peer.is_disabled || !peer.is_redeemed) continue;
    const row = PeerRow.safeParse(rowOf(peer));
    const observation = Observation.safeParse(observationOf(peer));
    if (row.success && observation.success) {
      polled.peers.push(row.data);
      polled.observations.push(observation.data);
    } else polled.unreadable.push(peer.name);
  }
  for (const { id, name, cidr, parent } of cidrs) {
    const row = CidrRow.safeParse({ id, name, cidr, parentId: parent ?? null });
    if (row.success) polled.cidrs.push(row.data);
    else polled.unreadable.push(name);
  }
  return polled;
};
