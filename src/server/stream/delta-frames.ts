/** Delta frames as bytes: the changes of a commit or stretch, for one view. */
import type { Told } from '../../domain/changes.ts';
import { limitOf } from '../../domain/limits.ts';
import type { Network } from '../../domain/network.ts';
import { routeShownTo } from '../../domain/routes.ts';
import type { View, ViewKey } from '../../domain/views.ts';
import { shownTo } from '../../domain/visibility.ts';
import { type Delta, type Fetch, MAX_DELTA_BYTES } from '../../protocol/frames.ts';
import { type CidrRow, cidrRow, peerRow, routeRow } from '../../protocol/rows.ts';
import { type CidrId, NO_HASH, type PeerId, type Position, type RouteId } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Touched } from '../live/window.ts';

type Rows = {
  peers: Delta['peers'];
  cidrs: { changed: CidrRow[]; removed: CidrId[] };
  limits?: Told['limits'];
  routes?: Delta['routes'];
};

const NO_CHANGE: Told = {
  changed: [],
  removed: [],
  fresh: new Set(),
  limits: { changed: [], removed: [] },
  routes: { changed: [], removed: [] },
};
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

const peerRows = ({ changed, removed }: Told, joined: ReadonlySet<PeerId>): Rows['peers'] => {
  const ids = changed.flatMap(({ id }) => (joined.has(id) ? [id] : []));
  return { changed: changed.map(peerRow), removed, ...(ids.length > 0 ? { joined: ids } : {}) };
};

/** Absent where nothing changes. */
const limitRows = (limits: Told['limits']): Pick<Rows, 'limits'> =>
  limits.changed.length + limits.removed.length > 0 ? { limits } : {};

const routeRows = ({ changed, removed }: Told['routes']): Pick<Rows, 'routes'> =>
  changed.length + removed.length > 0 ? { routes: { changed: changed.map(routeRow), removed } } : {};

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
 * For the views in `since` (the position each was told); unaffected ones get none. Views with equal changes
 * share the same bytes.
 */
export const stepFrames = (
  live: Live,
  { changes, deltas, rights: { joined } }: Step,
  since: ReadonlyMap<ViewKey, Position>,
): Map<ViewKey, Buffer> => {
  const to = live.head.position;
  const cidrs = cidrRows(live.network, changes.cidrs.keys());
  const made = new Map<Told, Map<Position, Buffer>>();
  const frames = new Map<ViewKey, Buffer>();
  for (const [viewer, delta] of concerned({ changes, deltas }, since)) {
    const from = since.get(viewer) ?? to;
    const same = made.get(delta) ?? new Map<Position, Buffer>();
    made.set(delta, same);
    const bytes = same.get(from) ?? toldFrame(live, { from, to }, { told: delta, joined, cidrs });
    same.set(from, bytes);
    frames.set(viewer, bytes);
  }
  return frames;
};

type ToTell = { told: Told; joined: ReadonlySet<PeerId>; cidrs: Rows['cidrs'] };

/** To fetch, if too long. */
const toldFrame = (live: Live, stretch: Stretch, { told, joined, cidrs }: ToTell): Buffer => {
  if (told.changed.length > MAX_ROWS) return fetchFrame(live);
  const rows = { peers: peerRows(told, joined), cidrs, ...limitRows(told.limits), ...routeRows(told.routes) };
  return deltaFrame(live, stretch, rows) ?? fetchFrame(live);
};

/** To a member whose view is another one after the commit. Undefined: it cannot be told so. */
export const moveFrame = (
  live: Live,
  { changes, moves, rights: { joined } }: Step,
  { from, views }: { from: Position; views: readonly [ViewKey, ViewKey] },
): Buffer | undefined => {
  const told = moves.told(...views);
  const cidrs = cidrRows(live.network, changes.cidrs.keys());
  return told && toldFrame(live, { from, to: live.head.position }, { told, joined, cidrs });
};

/** A changed CIDR affects all. */
const concerned = (
  { changes, deltas }: Pick<Step, 'changes' | 'deltas'>,
  since: ReadonlyMap<ViewKey, Position>,
): Map<ViewKey, Told> => {
  const deltaOf = new Map<ViewKey, Told>();
  if (changes.cidrs.size > 0) for (const viewer of since.keys()) deltaOf.set(viewer, NO_CHANGE);
  for (const delta of deltas)
    for (const viewer of delta.viewers) if (since.has(viewer)) deltaOf.set(viewer, delta);
  return deltaOf;
};

const limitsNow = (network: Network, { cidrId: viewer }: View, cidrs: Iterable<CidrId>): Told['limits'] => {
  const limits: Told['limits'] = { changed: [], removed: [] };
  for (const id of cidrs) {
    const limit = limitOf(network, viewer, id);
    if (limit) limits.changed.push(limit);
    else limits.removed.push(id);
  }
  return limits;
};

const routesNow = (network: Network, viewer: View, ids: Iterable<RouteId>): Told['routes'] => {
  const routes: Told['routes'] = { changed: [], removed: [] };
  const shown = routeShownTo(network, viewer);
  for (const id of ids) {
    const route = network.route(id);
    const row = route && shown(route);
    if (row) routes.changed.push(row);
    else routes.removed.push(id);
  }
  return routes;
};

const rowsNow = ({ network }: Live, viewer: View, { peers, cidrs, limits, routes }: Touched): Rows => {
  const isShown = shownTo(network, viewer);
  const rows: Rows = { peers: { changed: [], removed: [] }, cidrs: cidrRows(network, cidrs) };
  for (const id of peers) {
    const peer = network.peer(id);
    if (isShown(peer)) rows.peers.changed.push(peerRow(peer));
    else rows.peers.removed.push(id);
  }
  return {
    ...rows,
    ...limitRows(limitsNow(network, viewer, limits)),
    ...routeRows(routesNow(network, viewer, routes)),
  };
};

/**
 * From a position to the head, with current rows; a fetch frame if too long. Digests before the first and
 * after the last change get their own frames, so a long silence needs no snapshot.
 */
export const catchUpFrames = (live: Live, viewer: View, from: Position): Buffer[] => {
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
