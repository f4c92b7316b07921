/** Delta frames as bytes: the changes of a commit or stretch, for the peers of one CIDR. */
import type { ClassDelta } from '../../domain/changes.ts';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { isShown, sees } from '../../domain/visibility.ts';
import { type Delta, type Fetch, MAX_DELTA_BYTES } from '../../protocol/frames.ts';
import { type CidrRow, cidrRow, peerRow } from '../../protocol/rows.ts';
import { type CidrId, NO_HASH, type PeerId, type Position } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Touched } from '../live/window.ts';

type Rows = {
  peers: Delta['peers'];
  cidrs: { changed: CidrRow[]; removed: CidrId[] };
};

const NO_CHANGE: ClassDelta = { viewers: [], changed: [], removed: [] };
const NO_ROWS: Rows = { peers: { changed: [], removed: [] }, cidrs: { changed: [], removed: [] } };

/** More rows never fit a frame. */
const MAX_ROWS = 600;

/** Well below `MAX_DELTA_BYTES`. */
const MAX_DIGESTS_ALONE = 900;

const cidrRows = (network: Network, ids: Iterable<CidrId>): Rows['cidrs'] => {
  const rows: Rows['cidrs'] = { changed: [], removed: [] };
  for (const id of ids) {
    const node = network.cidr(id);
    if (node) rows.changed.push(cidrRow(node));
    else rows.removed.push(id);
  }
  return rows;
};

const peerRows = ({ changed, removed }: ClassDelta, joined: ReadonlySet<PeerId>): Rows['peers'] => {
  const ids = changed.flatMap(({ id }) => (joined.has(id) ? [id] : []));
  return { changed: changed.map(peerRow), removed, ...(ids.length > 0 ? { joined: ids } : {}) };
};

/** What tells a client to fetch a snapshot, at the position where the followers are. */
export const fetchFrame = ({ head }: Live): Buffer => {
  const frame: Fetch = { kind: 'fetch', position: head.position, hash: head.hash };
  return Buffer.from(JSON.stringify(frame));
};

const FETCH = Buffer.from('{"kind":"fetch"');

/** Whether the bytes are those of such a frame. */
export const isFetch = (bytes: Buffer): boolean => bytes.subarray(0, FETCH.length).equals(FETCH);

/** The records in (from, to]. */
type Stretch = { from: Position; to: Position };

/** Undefined if too long for a frame. */
const deltaFrame = ({ window }: Live, { from, to }: Stretch, rows: Rows): Buffer | undefined => {
  const hash = window.hashAt(to) ?? NO_HASH;
  const frame: Delta = {
    kind: 'delta',
    from,
    position: to,
    hash,
    digests: window.digests(from, to),
    ...rows,
  };
  const bytes = Buffer.from(JSON.stringify(frame));
  return bytes.length > MAX_DELTA_BYTES ? undefined : bytes;
};

/** Deltas with digests only, for a stretch without changes to their readers. */
export const bookmarkFrames = (live: Live, { from, to }: Stretch): Buffer[] => {
  const frames: Buffer[] = [];
  for (let start = from; start < to; start += MAX_DIGESTS_ALONE) {
    const piece = { from: start, to: Math.min(to, start + MAX_DIGESTS_ALONE) };
    frames.push(deltaFrame(live, piece, NO_ROWS) ?? fetchFrame(live));
  }
  return frames;
};

/**
 * For the CIDRs in `since` (the position each was told); unaffected ones get none. CIDRs with equal changes
 * share the same bytes.
 */
export const stepFrames = (
  live: Live,
  { changes, deltas, rights: { joined } }: Step,
  since: ReadonlyMap<CidrId, Position>,
): Map<CidrId, Buffer> => {
  const to = live.head.position;
  const cidrs = cidrRows(live.network, changes.cidrs.keys());
  const made = new Map<ClassDelta, Map<Position, Buffer>>();
  const frames = new Map<CidrId, Buffer>();
  for (const [viewer, delta] of concerned({ changes, deltas }, since)) {
    const from = since.get(viewer) ?? to;
    const same = made.get(delta) ?? new Map<Position, Buffer>();
    made.set(delta, same);
    const rows = () => ({ peers: peerRows(delta, joined), cidrs });
    const bytes =
      same.get(from) ??
      (delta.changed.length > MAX_ROWS ? undefined : deltaFrame(live, { from, to }, rows())) ??
      fetchFrame(live);
    same.set(from, bytes);
    frames.set(viewer, bytes);
  }
  return frames;
};

/** A changed CIDR affects all. */
const concerned = (
  { changes, deltas }: Pick<Step, 'changes' | 'deltas'>,
  since: ReadonlyMap<CidrId, Position>,
): Map<CidrId, ClassDelta> => {
  const deltaOf = new Map<CidrId, ClassDelta>();
  if (changes.cidrs.size > 0) for (const viewer of since.keys()) deltaOf.set(viewer, NO_CHANGE);
  for (const delta of deltas)
    for (const viewer of delta.viewers) if (since.has(viewer)) deltaOf.set(viewer, delta);
  return deltaOf;
};

const isShownTo = (network: Network, viewer: CidrId, peer: Peer | undefined): peer is Peer =>
  isShown(peer) && sees(network, viewer, peer.cidrId);

const rowsNow = ({ network }: Live, viewer: CidrId, { peers, cidrs }: Touched): Rows => {
  const rows: Rows = { peers: { changed: [], removed: [] }, cidrs: cidrRows(network, cidrs) };
  for (const id of peers) {
    const peer = network.peer(id);
    if (isShownTo(network, viewer, peer)) rows.peers.changed.push(peerRow(peer));
    else rows.peers.removed.push(id);
  }
  return rows;
};

/**
 * From a position to the head, with current rows; a fetch frame if too long. Digests before the first and
 * after the last change get their own frames, so a long silence needs no snapshot.
 */
export const catchUpFrames = (live: Live, viewer: CidrId, from: Position): Buffer[] => {
  const end = live.head.position;
  if (from < live.window.start) return [fetchFrame(live)];
  const touched = live.window.touched(viewer, from);
  if (touched === undefined) return bookmarkFrames(live, { from, to: end });
  const delta = touched !== 'many' && deltaFrame(live, touched, rowsNow(live, viewer, touched));
  if (touched === 'many' || !delta) return [fetchFrame(live)];
  const before = bookmarkFrames(live, { from, to: touched.from });
  const after = bookmarkFrames(live, { from: touched.to, to: end });
  return [...before, delta, ...after];
};
