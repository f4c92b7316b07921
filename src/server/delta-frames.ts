/** Delta frames: what a commit, or everything since a position, means to the peers of one CIDR. Bytes, no sockets. */
import type { ClassDelta } from '../domain/changes.ts';
import type { Network, Peer } from '../domain/network.ts';
import { appears, sees } from '../domain/visibility.ts';
import { type Delta, type Fetch, LARGEST_DELTA } from '../protocol/frames.ts';
import { type CidrRow, cidrRow, type PeerRow, peerRow } from '../protocol/rows.ts';
import type { CidrId, PeerId, Position } from '../values/id.ts';
import type { Live, Step } from './live.ts';

type Rows = {
  peers: { changed: PeerRow[]; removed: PeerId[] };
  cidrs: { changed: CidrRow[]; removed: CidrId[] };
};

const NOTHING: ClassDelta = { viewers: [], changed: [], removed: [] };

const cidrRows = (network: Network, ids: Iterable<CidrId>): Rows['cidrs'] => {
  const rows: Rows['cidrs'] = { changed: [], removed: [] };
  for (const id of ids) {
    const node = network.cidr(id);
    if (node) rows.changed.push(cidrRow(node));
    else rows.removed.push(id);
  }
  return rows;
};

/** What tells a client to fetch a snapshot, at the position where the followers are. */
export const fetchFrame = ({ head }: Live): Buffer => {
  const frame: Fetch = { kind: 'fetch', position: head.position, hash: head.hash };
  return Buffer.from(JSON.stringify(frame));
};

/** A delta that ends where the followers are, or undefined when it would be too long for a frame. */
const deltaFrame = (live: Live, from: Position, rows: Rows): Buffer | undefined => {
  const { position, hash } = live.head;
  if (from < live.window.start) return undefined;
  const digests = live.window.digests(from, position);
  const frame: Delta = { kind: 'delta', from, position, hash, digests, ...rows };
  const bytes = Buffer.from(JSON.stringify(frame));
  return bytes.length > LARGEST_DELTA ? undefined : bytes;
};

/** A delta with digests only, for those who have long had no other. */
export const bookmarkFrame = (live: Live, from: Position): Buffer =>
  deltaFrame(live, from, { peers: { changed: [], removed: [] }, cidrs: { changed: [], removed: [] } }) ??
  fetchFrame(live);

/**
 * The frames of one commit for the CIDRs in `since`, which says up to where each has been told; a CIDR that the
 * commit does not concern gets none. CIDRs to which it means the same share the very bytes.
 */
export const stepFrames = (
  live: Live,
  { changes, deltas }: Step,
  since: ReadonlyMap<CidrId, Position>,
): Map<CidrId, Buffer> => {
  const cidrs = cidrRows(live.network, changes.cidrs.keys());
  const deltaOf = new Map<CidrId, ClassDelta>();
  if (changes.cidrs.size > 0) for (const viewer of since.keys()) deltaOf.set(viewer, NOTHING);
  for (const delta of deltas)
    for (const viewer of delta.viewers) if (since.has(viewer)) deltaOf.set(viewer, delta);
  const made = new Map<ClassDelta, Map<Position, Buffer>>();
  const frames = new Map<CidrId, Buffer>();
  for (const [viewer, delta] of deltaOf) {
    const from = since.get(viewer) ?? live.head.position;
    const same = made.get(delta) ?? new Map<Position, Buffer>();
    const { changed, removed } = delta;
    const peers = () => ({ changed: changed.map(peerRow), removed });
    const bytes = same.get(from) ?? deltaFrame(live, from, { peers: peers(), cidrs }) ?? fetchFrame(live);
    made.set(delta, same.set(from, bytes));
    frames.set(viewer, bytes);
  }
  return frames;
};

const isShown = (network: Network, viewer: CidrId, peer: Peer | undefined): peer is Peer =>
  appears(peer) && sees(network, viewer, peer.cidrId);

/** A frame that brings a client level, and the peers whose rows it gets by it: `'all'` with a `fetch`. */
export type CatchUp = { bytes: Buffer; changed: readonly PeerId[] | 'all' };

/** From a position to where the followers are, with the rows as they are now; `fetch` if that is too much. */
export const catchUpFrame = (live: Live, viewer: CidrId, from: Position): CatchUp => {
  const fetch: CatchUp = { bytes: fetchFrame(live), changed: 'all' };
  if (from < live.window.start) return fetch;
  const touched = live.window.touched(viewer, from);
  if (touched.peers === 'many') return fetch;
  const peers: Rows['peers'] = { changed: [], removed: [] };
  for (const id of touched.peers) {
    const peer = live.network.peer(id);
    if (isShown(live.network, viewer, peer)) peers.changed.push(peerRow(peer));
    else peers.removed.push(id);
  }
  const bytes = deltaFrame(live, from, { peers, cidrs: cidrRows(live.network, touched.cidrs) });
  return bytes ? { bytes, changed: peers.changed.map(({ id }) => id) } : fetch;
};
