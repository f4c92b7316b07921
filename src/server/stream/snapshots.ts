/** Snapshots: all that a view shows, compressed once until it changes. */
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip, type ZlibOptions } from 'node:zlib';
import type { CidrNode } from '../../domain/cidr-tree.ts';
import { type Limit, limitsFrom } from '../../domain/limits.ts';
import type { Peer } from '../../domain/peer.ts';
import { routesFor, type ShownRoute } from '../../domain/routes.ts';
import { type View, type ViewKey, viewKey } from '../../domain/views.ts';
import { visiblePeers } from '../../domain/visibility.ts';
import { MAX_DIGESTS } from '../../protocol/http.ts';
import type { Part } from '../../protocol/proof.ts';
import { cidrRow, peerRow, routeRow } from '../../protocol/rows.ts';
import type { Head } from '../../store/log.ts';
import type { Position } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import { partOf } from '../proof/proofs.ts';
import type { DigestPages } from './digest-pages.ts';
import { restorationsOf } from './restorations.ts';

const compress = promisify(gzip);

/** Rows are compressed once and sent to many. */
const ROWS_LEVEL = 6;
/** Per turn of the event loop: about 1 ms. */
const PIECE_ROWS = 500;
/** Most clients come from the same few positions. */
const MAX_OPENINGS = 64;
/** The least memory zlib allows: thousands may run at once. */
const SMALL = { level: 1, memLevel: 1, windowBits: 9 };

/** Serialised in pieces; the rows are immutable, so all are of one moment. */
const listOf = async <T>(things: readonly T[], row: (thing: T) => object): Promise<string> => {
  const pieces: string[] = [];
  for (let at = 0; at < things.length; at += PIECE_ROWS) {
    if (at > 0) await setImmediate();
    pieces.push(JSON.stringify(things.slice(at, at + PIECE_ROWS).map(row)).slice(1, -1));
  }
  return `[${pieces.join(',')}]`;
};

/** A gzip member with its hash, by which answers are proved. */
export type Packed = Part & { readonly bytes: Buffer };

const pack = async (text: string | Uint8Array, options: ZlibOptions): Promise<Packed> => {
  const bytes = await compress(text, options);
  return { bytes, ...partOf(bytes) };
};

const packed = async (
  peers: readonly Peer[],
  cidrs: readonly CidrNode[],
  limits: readonly Limit[],
  routes: readonly ShownRoute[],
): Promise<Packed> => {
  const limited = limits.length > 0 ? `,"limits":${JSON.stringify(limits)}` : '';
  const routed = routes.length > 0 ? `,"routes":${JSON.stringify(routes.map(routeRow))}` : '';
  const text = `"peers":${await listOf(peers, peerRow)},"cidrs":${await listOf(cidrs, cidrRow)}${limited}${routed}}`;
  return pack(text, { level: ROWS_LEVEL });
};

export class Snapshots {
  readonly #live: Live;
  readonly #digests: DigestPages;
  readonly #rows = new Map<ViewKey, Promise<Packed>>();
  /** By start position; all end at the head. */
  readonly #openings = new Map<Position, Promise<Packed>>();

  constructor(live: Live, digests: DigestPages) {
    this.#live = live;
    this.#digests = digests;
    live.subscribe((step) => this.#outdate(step));
  }

  /**
   * Two consecutive gzip members (RFC 1952, 2.2): the first shared by all clients at `after`, the second by
   * all peers with the same view. A client more than `MAX_DIGESTS` behind gets the last digests and pages through
   * earlier ones.
   */
  async of(viewer: View, after: Position | undefined): Promise<readonly Packed[]> {
    const { position, hash } = this.#live.head;
    const rows = this.#rowsOf(viewer);
    const from = after === undefined || after > position ? position : Math.max(after, position - MAX_DIGESTS);
    const opening = this.#openings.get(from) ?? this.#opening({ position, hash }, from);
    if (this.#openings.size >= MAX_OPENINGS) this.#openings.clear();
    this.#openings.set(from, opening);
    opening.catch(() => this.#openings.delete(from)); // who asks next tries again
    return Promise.all([opening, rows]);
  }

  async #opening({ position, hash }: Head, from: Position): Promise<Packed> {
    const restorations = restorationsOf(this.#live.network);
    const head = { network: this.#live.networkId, position, hash, from, ...restorations };
    const digests = await this.#digests.between(from, position);
    const begin = Buffer.from(`${JSON.stringify(head).slice(0, -1)},"digests":[`);
    return pack(Buffer.concat([begin, ...digests, Buffer.from('],')]), SMALL);
  }

  #rowsOf(viewer: View): Promise<Packed> {
    const key = viewKey(viewer);
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const { network } = this.#live;
    const limits = viewer.word === 'limits' ? limitsFrom(network, viewer.cidrId) : [];
    const routes = routesFor(network, viewer);
    const rows = packed([...visiblePeers(network, viewer)], [...network.cidrs()], limits, routes);
    this.#rows.set(key, rows);
    rows.catch(() => this.#rows.delete(key)); // who asks next tries again
    return rows;
  }

  /**
   * A restoration changes a field of every peer, but its commit has no peer's row. A view that nobody had for a
   * while was told of no change meanwhile.
   */
  #outdate({ commit, changes, deltas, moves }: Step): void {
    this.#openings.clear();
    const isRestored = commit.events.some(({ type }) => type === 'LogRestored');
    if (isRestored || changes.cidrs.size + moves.peers.size > 0) this.#rows.clear();
    for (const { viewers } of deltas) for (const viewer of viewers) this.#rows.delete(viewer);
  }
}
