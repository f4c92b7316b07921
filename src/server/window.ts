/**
 * The recent stretch of the log, kept so that clients can resume: the chain's hashes and digests, and which rows
 * each CIDR's peers saw change. It holds ids, not rows: a catch-up sends the rows as they are now.
 */
import type { EventRecord } from '../events/record.ts';
import type { CidrId, Hash, PeerId, Position } from '../values/id.ts';
import type { Step } from './live.ts';

/** Records that a client may be behind and still resume. */
export const WINDOW_RECORDS = 10_000;
/** A change of more rows than this would not fit a frame: who missed it fetches a snapshot. */
const MOST_ROWS = 512;

type Entry = { position: Position; peers: readonly PeerId[] | 'many' };

/** Ids of rows that changed for one CIDR's peers; `'many'` means: take a snapshot. */
export type Touched = { peers: Set<PeerId> | 'many'; cidrs: Set<CidrId> };

export class Window {
  /** Position before the first record in the arrays, and the chain's value there. */
  #base: Position;
  #baseHash: Hash;
  #start: Position;
  readonly #hashes: Hash[] = [];
  readonly #digests: Hash[] = [];
  readonly #byViewer = new Map<CidrId, Entry[]>();
  #cidrs: { position: Position; ids: CidrId[] }[] = [];

  /** `startHash` is the chain's value at `start`. */
  constructor(start: Position, startHash: Hash) {
    this.#base = start;
    this.#baseHash = startHash;
    this.#start = start;
  }

  /** The earliest position that a client can resume from. */
  get start(): Position {
    return this.#start;
  }

  /** The chain's value at a position of the window, or undefined outside it. */
  hashAt(position: Position): Hash | undefined {
    if (position < this.#start) return undefined;
    return position === this.#base ? this.#baseHash : this.#hashes[position - this.#base - 1];
  }

  /** The digests of the records in (after, to]; both within the window. */
  digests(after: Position, to: Position): Hash[] {
    return this.#digests.slice(after - this.#base, to - this.#base);
  }

  add({ commit, changes, deltas }: Step): void {
    for (const record of commit.records) this.#link(record);
    for (const { viewers, changed, removed } of deltas) {
      const ids = [...changed.map(({ id }) => id), ...removed];
      const peers = ids.length > MOST_ROWS ? ('many' as const) : ids;
      for (const viewer of viewers) this.#note(viewer, { position: commit.to, peers });
    }
    if (changes.cidrs.size > 0) this.#cidrs.push({ position: commit.to, ids: [...changes.cidrs.keys()] });
    this.#slide(commit.to);
  }

  /** Which rows changed after a position for the peers of a CIDR. The position must be within the window. */
  touched(viewer: CidrId, after: Position): Touched {
    const cidrs = new Set(this.#cidrs.filter(({ position }) => position > after).flatMap(({ ids }) => ids));
    const peers = new Set<PeerId>();
    const entries = this.#byViewer.get(viewer) ?? [];
    for (let index = entries.length - 1; index >= 0; index--) {
      const entry = entries[index];
      if (!entry || entry.position <= after) break;
      if (entry.peers === 'many') return { peers: 'many', cidrs };
      for (const id of entry.peers) peers.add(id);
    }
    return { peers, cidrs };
  }

  #link({ hash, digest }: EventRecord): void {
    this.#hashes.push(hash);
    this.#digests.push(digest);
  }

  #note(viewer: CidrId, entry: Entry): void {
    const entries = this.#byViewer.get(viewer);
    if (entries) entries.push(entry);
    else this.#byViewer.set(viewer, [entry]);
  }

  /** Lets go of what is older than the window, in strides, so that no single commit pays for it. */
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
    this.#cidrs = this.#cidrs.filter(({ position }) => position > start);
    for (const [viewer, entries] of this.#byViewer) {
      const kept = entries.filter(({ position }) => position > start);
      if (kept.length > 0) this.#byViewer.set(viewer, kept);
      else this.#byViewer.delete(viewer);
    }
  }
}
