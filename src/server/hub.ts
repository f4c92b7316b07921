/** The live streams: each commit becomes one frame per CIDR that it concerns, written to all its members alike. */
import type { RawData, WebSocket } from 'ws';
import type { Change } from '../domain/changes.ts';
import type { Peer } from '../domain/network.ts';
import { appears, sees, viewersOf } from '../domain/visibility.ts';
import {
  BOOKMARK_EVERY,
  ClientFrame,
  type Endpoints,
  HEARTBEAT_SECONDS,
  type Revoked,
} from '../protocol/frames.ts';
import type { Observation } from '../protocol/rows.ts';
import type { CidrId, Hash, PeerId, Position } from '../values/id.ts';
import { bookmarkFrame, catchUpFrame, fetchFrame, stepFrames } from './delta-frames.ts';
import type { Live, Step } from './live.ts';
import { Member, SLOWEST_DRAIN } from './member.ts';
import type { Observations } from './observations.ts';

/** What a client names when it opens the stream; nothing of it is trusted. */
export type StreamQuery = {
  position?: Position | undefined;
  hash?: Hash | undefined;
  boot?: string | undefined;
  sequence?: number | undefined;
  /** `none`: the client knows a head, from its invitation, but no rows. */
  state?: 'none' | undefined;
};

/** How often slow readers are looked at, in milliseconds. */
const LOOK_AFTER_SLOW = 250;
/** Observations are gathered for this long, in milliseconds, unless the last ones went out longer ago. */
const GATHER = 100;
/** Observations in one frame. */
const MOST_OBSERVATIONS = 500;
/** A revoked client's close is waited for this long, in milliseconds, before its device entry goes. */
const TELL_WITHIN = 50;

const reasonFor = ({ before, after }: Change<Peer>): Revoked['reason'] => {
  if (!after) return 'deleted';
  return after.isDisabled || after.publicKey === before?.publicKey ? 'disabled' : 'rekeyed';
};

export class Hub {
  readonly #live: Live;
  readonly #observations: Observations;
  readonly #members = new Map<CidrId, Set<Member>>();
  readonly #byPeer = new Map<PeerId, Set<Member>>();
  /** Up to where the members of a CIDR have been told, the longest silent first. */
  readonly #told = new Map<CidrId, Position>();
  readonly #behind = new Set<Member>();
  readonly #telling = new Map<PeerId, Promise<void>>();
  /** For each CIDR with members, the peers of which there is something to tell. */
  readonly #news = new Map<CidrId, Set<PeerId>>();
  readonly #timers: NodeJS.Timeout[];
  #gathering: NodeJS.Timeout | undefined;
  #lastNews = 0;

  constructor(live: Live, observations: Observations) {
    this.#live = live;
    this.#observations = observations;
    live.subscribe((step) => this.#onStep(step));
    observations.onChange(({ id }) => this.#onObservation(id));
    this.#timers = [
      setInterval(() => this.#heartbeat(), HEARTBEAT_SECONDS * 1000),
      setInterval(() => this.#lookAfterSlow(), LOOK_AFTER_SLOW),
    ];
  }

  /** Everybody on the stream, for those who show or count them. */
  *members(): Generator<Member> {
    for (const members of this.#members.values()) yield* members;
  }

  /** Ends all streams; the clients come back by themselves. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#gathering);
    for (const member of this.members()) member.socket.close(1001);
  }

  /** Resolves when a revoked peer's streams have closed, at once where it has none, in any case within 50 ms. */
  told(peerId: PeerId): Promise<void> {
    return this.#telling.get(peerId) ?? Promise.resolve();
  }

  /** Takes a socket over, for a redeemed peer: brings it level, then keeps it so. */
  attach(socket: WebSocket, peerId: PeerId, query: StreamQuery): void {
    socket.on('error', () => socket.terminate());
    const from = this.#resumable(query);
    const peer = this.#live.network.peer(peerId);
    if (socket.readyState !== socket.OPEN) return;
    if (!appears(peer)) {
      socket.terminate();
      return;
    }
    const sameBoot = query.boot === this.#observations.boot;
    const { position, hash } = this.#live.head;
    const member = new Member(socket, peer, from ?? position, sameBoot ? (query.sequence ?? 0) : 0);
    member.send({
      kind: 'welcome',
      network: this.#live.networkId,
      position,
      hash,
      heartbeat: HEARTBEAT_SECONDS,
      boot: this.#observations.boot,
      sequence: this.#observations.sequence,
    });
    if (from === undefined) {
      member.write(fetchFrame(this.#live));
      member.sequence = 0;
    }
    this.#enter(member);
    this.#level(member);
  }

  /** The position that a client can go on from, or undefined where it has to fetch a snapshot. */
  #resumable({ position, hash, state }: StreamQuery): Position | undefined {
    if (position === undefined || hash === undefined || state === 'none') return undefined;
    if (position < this.#live.window.start || position > this.#live.head.position) return undefined;
    return this.#live.window.hashAt(position) === hash ? position : undefined;
  }

  #enter(member: Member): void {
    const { socket, cidrId, peerId } = member;
    const members = this.#members.get(cidrId) ?? new Set();
    this.#members.set(cidrId, members.add(member));
    this.#byPeer.set(peerId, (this.#byPeer.get(peerId) ?? new Set()).add(member));
    if (!this.#told.has(cidrId)) this.#told.set(cidrId, this.#live.head.position);
    socket.on('message', (data, isBinary) => this.#onMessage(member, data, isBinary));
    socket.on('pong', () => {
      member.missed = 0;
    });
    socket.once('close', () => this.#leave(member));
  }

  #leave(member: Member): void {
    const { cidrId, peerId } = member;
    this.#behind.delete(member);
    this.#byPeer.get(peerId)?.delete(member);
    if (this.#byPeer.get(peerId)?.size === 0) this.#byPeer.delete(peerId);
    const members = this.#members.get(cidrId);
    members?.delete(member);
    if (members?.size !== 0) return;
    this.#members.delete(cidrId);
    this.#told.delete(cidrId);
  }

  #onStep(step: Step): void {
    for (const [peerId, change] of step.changes.peers) this.#revoke(peerId, change);
    for (const [cidrId, bytes] of stepFrames(this.#live, step, this.#told)) this.#tell(cidrId, bytes);
    this.#bookmark();
    this.#tellOfNewcomers(step);
  }

  #tell(cidrId: CidrId, bytes: Buffer): void {
    const { position } = this.#live.head;
    for (const member of this.#members.get(cidrId) ?? []) {
      if (this.#behind.has(member)) continue;
      member.write(bytes);
      member.position = position;
      if (member.isFull) this.#fallBehind(member);
    }
    this.#told.delete(cidrId);
    this.#told.set(cidrId, position);
  }

  /** Tells the longest silent CIDRs how the chain goes on, so that nobody has many digests to catch up on. */
  #bookmark(): void {
    const { position } = this.#live.head;
    for (const [cidrId, told] of this.#told) {
      if (position - told < BOOKMARK_EVERY) return;
      this.#tell(cidrId, bookmarkFrame(this.#live, told));
    }
  }

  #revoke(peerId: PeerId, change: Change<Peer>): void {
    const members = [...(this.#byPeer.get(peerId) ?? [])];
    const lost = members.filter(
      ({ publicKey }) => !appears(change.after) || change.after.publicKey !== publicKey,
    );
    if (lost.length === 0) return;
    const closed = lost.map((member) => new Promise<void>((resolve) => member.socket.once('close', resolve)));
    const patience = new Promise<void>((resolve) => setTimeout(resolve, TELL_WITHIN));
    const told = Promise.race([Promise.all(closed).then(() => undefined), patience]);
    this.#telling.set(peerId, told);
    void told.then(() => this.#telling.delete(peerId));
    for (const member of lost) {
      this.#leave(member);
      member.end('revoked', { kind: 'revoked', reason: reasonFor(change) });
    }
  }

  /** Brings a member from where it is to where the followers are, as far as its queue allows. */
  #level(member: Member): void {
    this.#behind.delete(member);
    member.behindSince = undefined;
    const since = member.sequence;
    const news = new Set(idsOf(this.#observations.since(since)));
    if (member.position < this.#live.head.position) {
      const { bytes, changed } = catchUpFrame(this.#live, member.cidrId, member.position);
      member.write(bytes);
      member.position = this.#live.head.position;
      for (const id of changed === 'all' ? idsOf(this.#observations.since(0)) : changed) news.add(id);
    }
    this.#tellEndpoints([member], member.cidrId, news);
  }

  #fallBehind(member: Member): void {
    member.behindSince ??= performance.now();
    this.#behind.add(member);
  }

  #lookAfterSlow(): void {
    const now = performance.now();
    for (const member of this.#behind) {
      if (member.isDrained) this.#level(member);
      else if (now - (member.behindSince ?? now) > SLOWEST_DRAIN) member.socket.terminate();
    }
  }

  #heartbeat(): void {
    for (const member of this.members()) {
      if (member.missed >= 2) {
        member.socket.terminate();
        continue;
      }
      member.missed += 1;
      member.socket.ping();
    }
  }

  #onMessage(member: Member, data: RawData, isBinary: boolean): void {
    const frame = isBinary ? undefined : parseFrame(data);
    switch (frame?.kind) {
      case undefined:
        member.end('badFrame');
        break;
      case 'candidates':
        this.#observations.report(member.peerId, frame.endpoints);
        break;
      case 'applied':
        member.applied = frame.position;
        member.held = frame.held;
        break;
    }
  }

  #onObservation(peerId: PeerId): void {
    const peer = this.#live.network.peer(peerId);
    if (!appears(peer)) return;
    for (const viewer of viewersOf(this.#live.network, peer.cidrId)) this.#addNews(viewer, peerId);
    const wait = Math.max(0, this.#lastNews + GATHER - performance.now());
    this.#gathering ??= setTimeout(() => this.#tellNews(), wait);
  }

  #addNews(viewer: CidrId, peerId: PeerId): void {
    if (!this.#members.has(viewer)) return;
    const known = this.#news.get(viewer);
    if (known) known.add(peerId);
    else this.#news.set(viewer, new Set([peerId]));
  }

  /** What was observed of a peer before it came into sight follows the delta that names it. */
  #tellOfNewcomers({ deltas }: Step): void {
    for (const { viewers, changed } of deltas) {
      const observed = changed.filter(({ id }) => this.#observations.rowOf(id));
      for (const viewer of viewers) for (const { id } of observed) this.#addNews(viewer, id);
    }
    if (this.#news.size > 0) this.#tellNews();
  }

  #tellNews(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#lastNews = performance.now();
    const news = new Map(this.#news);
    this.#news.clear();
    for (const [viewer, ids] of news) {
      const level = [...(this.#members.get(viewer) ?? [])].filter((member) => !this.#behind.has(member));
      this.#tellEndpoints(level, viewer, ids);
    }
  }

  /** Tells members of one CIDR of some peers, as far as they may hear of them; whoever is full hears it all later. */
  #tellEndpoints(members: readonly Member[], viewer: CidrId, ids: Iterable<PeerId>): void {
    const { boot, sequence } = this.#observations;
    const peers: Endpoints['peers'] = [];
    for (const id of ids) {
      const observation = this.#mayHear(viewer, id) ? this.#observations.rowOf(id) : undefined;
      if (observation) peers.push(observation);
    }
    for (let start = 0; start < peers.length; start += MOST_OBSERVATIONS) {
      const frame: Endpoints = {
        kind: 'endpoints',
        boot,
        sequence,
        peers: peers.slice(start, start + MOST_OBSERVATIONS),
      };
      const bytes = Buffer.from(JSON.stringify(frame));
      for (const member of members) if (!this.#behind.has(member)) this.#writeEndpoints(member, bytes);
    }
    for (const member of members) if (!this.#behind.has(member)) member.sequence = sequence;
  }

  #writeEndpoints(member: Member, bytes: Buffer): void {
    member.write(bytes);
    if (!member.isFull) return;
    member.sequence = 0;
    this.#fallBehind(member);
  }

  #mayHear(viewer: CidrId, peerId: PeerId): boolean {
    const peer = this.#live.network.peer(peerId);
    return appears(peer) && sees(this.#live.network, viewer, peer.cidrId);
  }
}

function* idsOf(observations: Iterable<Observation>): Generator<PeerId> {
  for (const { id } of observations) yield id;
}

const parseFrame = (data: RawData): ClientFrame | undefined => {
  try {
    return ClientFrame.parse(JSON.parse(data.toString()));
  } catch {
    return undefined;
  }
};
