/** The recent records of the log, for resuming clients: hashes, digests, ids of changed rows. */
import type { ClassDelta } from '../../domain/changes.ts';
import { type View, type ViewKey, viewKey } from '../../domain/views.ts';
import type { EventRecord } from '../../events/record.ts';
import type { CidrId, Hash, PeerId, Position, RouteId } from '../../values/id.ts';
import type { Step } from './step.ts';

/** Records that a client may be behind and still resume. */
export const WINDOW_RECORDS = 10_000;
/** More changes never fit a frame: the client fetches a snapshot. */
const MAX_PEERS = 512;

/** Of the records in (from, to]. */
type Entry<Id> = {
  from: Position;
  to: Position;
  ids: readonly Id[] | 'many';
  limits?: readonly CidrId[];
  routes?: readonly RouteId[];
};

/** All in (from, to]. */
export type Touched = {
  from: Position;
  to: Position;
  peers: Set<PeerId>;
  cidrs: Set<CidrId>;
  /** CIDRs whose limit changed. */
  limits: Set<CidrId>;
  routes: Set<RouteId>;
};

/** Newest first. */
function* since<Id>(entries: readonly Entry<Id>[], after: Position): Generator<Entry<Id>> {
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index];
    if (!entry || entry.to <= after) return;
    yield entry;
  }
}

/** Isolated peers of a CIDR, of whom there may be many, have one place: a change needs a snapshot. */
const placeOf = (viewer: ViewKey): string => viewer.replace(/[~+]?\/.*$/, '/');

const entryOf = (
  { changed, removed, limits, routes }: ClassDelta,
  stretch: Pick<Entry<PeerId>, 'from' | 'to'>,
): Entry<PeerId> => {
  const rows = [...changed.map(({ id }) => id), ...removed];
  const limited = [...limits.changed.map(({ cidrId }) => cidrId), ...limits.removed];
  const routed = [...routes.changed.map(({ id }) => id), ...routes.removed];
  return {
    ...stretch,
    ids: rows.length > MAX_PEERS ? 'many' : rows,
    ...(limited.length > 0 ? { limits: limited } : {}),
    ...(routed.length > 0 ? { routes: routed } : {}),
  };
};

export class Window {
  /** The position before the first kept record, and its hash. */
  #base: Position;
  #baseHash: Hash;
  #start: Position;
  readonly #hashes: Hash[] = [];
  readonly #digests: Hash[] = [];
  readonly #byViewer = new Map<string, Entry<PeerId>[]>();
  /** When their view became another one. */
  readonly #moved = new Map<PeerId, Position>();
  #cidrs: Entry<CidrId>[] = [];

  constructor(start: Position, startHash: Hash) {
    this.#base = start;
    this.#baseHash = startHash;
    this.#start = start;
  }

  get start(): Position {
    return this.#start;
  }

  /** Undefined outside the window. */
  hashAt(position: Position): Hash | undefined {
    if (position < this.#start) return undefined;
    return position === this.#base ? this.#baseHash : this.#hashes[position - this.#base - 1];
  }

  /** Digests of (after, to], both within the window. */
  digests(after: Position, to: Position): Hash[] {
    return this.#digests.slice(after - this.#base, to - this.#base);
  }

  add({ commit, changes, deltas, moves }: Step): void {
    const { from, to } = commit;
    for (const record of commit.records) this.#link(record);
    for (const delta of deltas) {
      const entry = entryOf(delta, { from, to });
      for (const viewer of delta.viewers) this.#note(viewer, entry);
    }
    for (const id of moves.peers) this.#moved.set(id, to);
    if (changes.cidrs.size > 0) this.#cidrs.push({ from, to, ids: [...changes.cidrs.keys()] });
    this.#slide(to);
  }

  /** Whether the peer saw by another view, so that what it knows cannot be told from what it does not. */
  hasMoved(id: PeerId, after: Position): boolean {
    return (this.#moved.get(id) ?? 0) > after;
  }

  /** Rows changed after a position of the window. Undefined: none; `'many'`: needs a snapshot. */
  touched(viewer: View, after: Position): Touched | 'many' | undefined {
    const touched: Touched = {
      from: Number.POSITIVE_INFINITY,
      to: after,
      peers: new Set(),
      cidrs: new Set(),
      limits: new Set(),
      routes: new Set(),
    };
    for (const entry of since(this.#byViewer.get(placeOf(viewKey(viewer))) ?? [], after)) {
      if (entry.ids === 'many' || touched.peers.size > MAX_PEERS) return 'many';
      extend(touched, entry);
      for (const id of entry.ids) touched.peers.add(id);
      for (const id of entry.limits ?? []) touched.limits.add(id);
      for (const id of entry.routes ?? []) touched.routes.add(id);
    }
    for (const entry of since(this.#cidrs, after)) {
      extend(touched, entry);
      for (const id of entry.ids) touched.cidrs.add(id as CidrId);
    }
    if (touched.to === after) return undefined;
    return { ...touched, from: Math.max(after, touched.from) };
  }

  #link({ hash, digest }: EventRecord): void {
    this.#hashes.push(hash);
    this.#digests.push(digest);
  }

  #note(viewer: ViewKey, entry: Entry<PeerId>): void {
    const place = placeOf(viewer);
    const own = place === viewer ? entry : { ...entry, ids: 'many' as const };
    const entries = this.#byViewer.get(place);
    if (entries?.at(-1)?.to === own.to && place !== viewer) return;
    if (entries) entries.push(own);
    else this.#byViewer.set(place, [own]);
  }

  /** In strides, so that no single commit pays for it. */
  #slide(head: Position): void {
    this.#start = Math.max(this.#start, head - WINDOW_RECORDS);
    const old = this.#start - this.#base;
    if (old < WINDOW_RECORDS) return;
    this.#baseHash = this.#hashes[old - 1] ?? this.#baseHash;
    this.#hashes.splice(0, old);
    this.#digests.splice(0, old);
    this.#base = this.#start;
    this.#forget(this.#start);
  }

  #forget(start: Position): void {
    this.#cidrs = this.#cidrs.filter(({ to }) => to > start);
    for (const [id, to] of this.#moved) if (to <= start) this.#moved.delete(id);
    for (const [viewer, entries] of this.#byViewer) {
      const kept = entries.filter(({ to }) => to > start);
      if (kept.length > 0) this.#byViewer.set(viewer, kept);
      else this.#byViewer.delete(viewer);
    }
  }
}

const extend = (touched: Touched, { from, to }: Entry<unknown>): void => {
  touched.from = Math.min(touched.from, from);
  touched.to = Math.max(touched.to, to);
};
