/** Sends observations to the peers that may see them, gathered for a moment. */

import { isPlain, type Peer } from '../../domain/peer.ts';
import { type View, type ViewKey, viewKey, viewsIn } from '../../domain/views.ts';
import { appears, shownTo, viewersOf, visiblePeers } from '../../domain/visibility.ts';
import type { Endpoints } from '../../protocol/frames.ts';
import type { Observation } from '../../protocol/rows.ts';
import type { PeerId } from '../../values/id.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Observations } from '../observations/observations.ts';
import type { Audience } from './audience.ts';
import type { Lanes } from './lanes.ts';
import type { Member } from './member.ts';

/** Between two rounds, at least. */
const GATHER_MS = 100;
/** Kept until the next observation. */
const MAX_KEPT = 256;
/** Per frame. */
const MAX_OBSERVATIONS = 500;

/** A member with this frame knows all that it may up to `sequence`. */
type Frame = { bytes: Buffer; sequence: number };

export class EndpointNews {
  readonly #live: Live;
  readonly #observations: Observations;
  readonly #audience: Audience;
  readonly #lanes: Lanes;
  readonly #news = new Map<ViewKey, { view: View; ids: Set<PeerId> }>();
  /** After a server restart all peers with a view ask for the same frames. */
  readonly #since = new Map<string, Frame[]>();
  readonly #unsubscribe: () => void;
  #gathering: NodeJS.Timeout | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(live: Live, observations: Observations, audience: Audience, lanes: Lanes) {
    this.#live = live;
    this.#observations = observations;
    this.#audience = audience;
    this.#lanes = lanes;
    this.#unsubscribe = observations.onChange(({ id }) => this.#onChange(id));
  }

  close(): void {
    this.#unsubscribe();
    clearTimeout(this.#gathering);
  }

  /** Sends earlier observations of a newly visible peer after the delta that names it. */
  follow(step: Step): void {
    const numbered = new Set<PeerId>();
    for (const { viewers, fresh } of step.deltas)
      for (const id of fresh)
        if (this.#observations.numberOf(id) > 0)
          for (const viewer of viewers) this.#welcome(viewer, id, numbered);
    if (this.#news.size > 0) this.#tell();
  }

  /** Peers that a member sees since its view is another one; `level` tells it. */
  welcome(fresh: Iterable<PeerId>): void {
    for (const id of fresh) if (this.#observations.numberOf(id) > 0) this.#renumber(id);
  }

  level(member: Member): void {
    for (const frame of this.#framesSince(member.sees, member.sequence)) this.#write(member, frame);
  }

  #onChange(id: PeerId): void {
    this.#since.clear();
    const { network } = this.#live;
    const peer = network.peer(id);
    if (!isMet(peer)) return;
    // An isolated peer sees itself.
    for (const cidrId of new Set([peer.cidrId, ...viewersOf(network, peer.cidrId).keys()]))
      for (const view of viewsIn(network, cidrId)) this.#note(viewKey(view), id);
    const wait = Math.max(0, this.#toldAt + GATHER_MS - performance.now());
    this.#gathering ??= setTimeout(() => this.#tell(), wait);
  }

  /** The new number also reaches clients that reconnect right now. */
  #welcome(viewer: ViewKey, id: PeerId, numbered: Set<PeerId>): void {
    if (!numbered.has(id)) this.#renumber(id);
    numbered.add(id);
    this.#note(viewer, id);
  }

  #renumber(id: PeerId): void {
    this.#observations.renumber(id);
    this.#since.clear();
  }

  #note(viewer: ViewKey, id: PeerId): void {
    const view = this.#audience.viewOf(viewer);
    if (!view) return;
    const known = this.#news.get(viewer);
    if (known) known.ids.add(id);
    else this.#news.set(viewer, { view, ids: new Set([id]) });
  }

  #tell(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#toldAt = performance.now();
    const news = [...this.#news];
    this.#news.clear();
    for (const [viewer, { view, ids }] of news) {
      for (const frame of this.#framesOf(view, ids, 0))
        this.#lanes.add(viewer, {
          members: this.#audience.level(viewer),
          write: (member) => this.#write(member, frame),
        });
    }
  }

  #write(member: Member, { bytes, sequence }: Frame): void {
    if (member.isBehind || member.sequence >= sequence) return; // it has, or will get, all up to there
    this.#audience.write(member, bytes);
    member.sequence = sequence;
  }

  #framesSince(viewer: View, sequence: number): readonly Frame[] {
    const key = `${viewKey(viewer)} ${sequence} ${this.#live.head.position}`;
    const known = this.#since.get(key);
    if (known) return known;
    const ids =
      sequence > 0
        ? idsOf(this.#observations.since(sequence))
        : idsOf(visiblePeers(this.#live.network, viewer));
    const frames = this.#framesOf(viewer, ids, sequence);
    if (this.#since.size >= MAX_KEPT) this.#since.clear();
    this.#since.set(key, frames);
    return frames;
  }

  #framesOf(viewer: View, ids: Iterable<PeerId>, after: number): Frame[] {
    const { network } = this.#live;
    const isShown = shownTo(network, viewer);
    const mayKnow = (id: PeerId): boolean => {
      const peer = network.peer(id);
      return isMet(peer) && isShown(peer);
    };
    const numbered = [...ids]
      .map((id) => ({ id, number: this.#observations.numberOf(id) }))
      .filter(({ id, number }) => number > after && mayKnow(id))
      .sort((left, right) => left.number - right.number);
    const frames: Frame[] = [];
    for (let start = 0; start < numbered.length; start += MAX_OBSERVATIONS) {
      const page = numbered.slice(start, start + MAX_OBSERVATIONS);
      const isLast = start + MAX_OBSERVATIONS >= numbered.length;
      const sequence = isLast ? this.#observations.sequence : (page.at(-1)?.number ?? 0);
      const peers = page.flatMap(({ id }) => withKnown(this.#observations.rowOf(id), mayKnow));
      frames.push({ sequence, bytes: this.#frame(sequence, peers) });
    }
    return frames;
  }

  #frame(sequence: number, peers: Observation[]): Buffer {
    const frame: Endpoints = { kind: 'endpoints', boot: this.#observations.boot, sequence, peers };
    return Buffer.from(JSON.stringify(frame));
  }
}

/** Without relays out of sight. */
const withKnown = (row: Observation | undefined, mayKnow: (id: PeerId) => boolean): Observation[] => {
  if (!row?.via) return row ? [row] : [];
  const { via, ...rest } = row;
  const known = via.filter(mayKnow);
  return [known.length > 0 ? { ...rest, via: known } : rest];
};

/** Peers go to it themselves; a phone's place concerns its router alone. */
const isMet = (peer: Peer | undefined): peer is Peer => appears(peer) && !isPlain(peer);

function* idsOf(rows: Iterable<{ id: PeerId }>): Generator<PeerId> {
  for (const { id } of rows) yield id;
}
