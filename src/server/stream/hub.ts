/** The live streams: each commit becomes one frame per affected view. */
import { setImmediate } from 'node:timers/promises';
import type { RawData, WebSocket } from 'ws';
import type { Peer } from '../../domain/peer.ts';
import { saidBy } from '../../domain/said-word.ts';
import { type View, type ViewKey, viewKey, viewOf, type Word, wordOf } from '../../domain/views.ts';
import { appears } from '../../domain/visibility.ts';
import { CAN, PEER_RELAY, RELAY, ROUTES, saysCan } from '../../protocol/can.ts';
import { BOOKMARK_EVERY, ClientFrame, HEARTBEAT_SECONDS, type Revoked } from '../../protocol/frames.ts';
import type { ObservedWay } from '../../protocol/looking.ts';
import type { StreamQuery } from '../../protocol/stream-query.ts';
import type { PeerId, Position } from '../../values/id.ts';
import type { PublicKey } from '../../values/key.ts';
import { type Limit, Limits } from '../limits.ts';
import type { Live } from '../live/live.ts';
import type { Step } from '../live/step.ts';
import type { Observations } from '../observations/observations.ts';
import { Audience } from './audience.ts';
import { Behind } from './behind.ts';
import type { Claims } from './claims.ts';
import { bookmarkFrames, catchUpFrames, fetchFrame, isFetch, moveFrame, stepFrames } from './delta-frames.ts';
import { EndpointNews } from './endpoint-news.ts';
import { Lanes } from './lanes.ts';
import { Looks } from './looks.ts';
import { type Gate, MAX_DRAIN_MS, Member, OPEN_GATE, type StreamSocket } from './member.ts';
import { type Opening, open } from './opening.ts';
import { RelayDuties } from './relay-duties.ts';
import { type Mailboxes, RelayNews } from './relay-news.ts';
import { RouteDuties } from './route-duties.ts';
import { wordOfCan } from './word-of-can.ts';

const LOOK_AFTER_SLOW_MS = 250;
/** Unanswered pings. */
const MAX_MISSED = 2;
/** Per peer, proved and unproved apart: the end of a replaced stream may be unknown yet. */
const MAX_STREAMS = 2;
const MAX_END_MS = 1_000;
/** A client told to fetch asks at once, so few are told per turn. */
const WEIGHT_OF_FETCH = 32;
/** Per turn of the event loop: some 2 ms. */
const PINGS_AT_ONCE = 32;
const MAX_CATCH_UPS = 256;
/** Per second and client; the rest waits on its side. */
const MAX_HEARD = 200;

export type HubOptions = {
  /** Milliseconds since 1970. */
  now: () => number;
  claims?: Claims;
  mailboxes: Mailboxes;
  limits?: Limits;
  /** What is told waits there for standbys. */
  gate?: Gate;
};

export class Hub {
  readonly #live: Live;
  readonly #observations: Observations;
  readonly #claims: Claims | undefined;
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #gate: Gate;
  readonly #audience = new Audience();
  readonly #lanes = new Lanes();
  readonly #news: EndpointNews;
  readonly #mailboxes: Mailboxes;
  readonly #relayNews: RelayNews;
  readonly #relayDuties: RelayDuties;
  readonly #routeDuties: RouteDuties;
  readonly #looks: Looks;
  readonly #behind: Behind;
  /** Longest silent first. */
  readonly #told = new Map<ViewKey, Position>();
  /** Kept until the next commit. */
  readonly #caughtUp = new Map<string, readonly Buffer[]>();
  readonly #timers: NodeJS.Timeout[];
  /** Peers whose last program knew less than the log says of them: its state has gaps. */
  readonly #lessened = new Set<PeerId>();
  #second = 0;
  #attached = 0;
  #sentToGone = 0;

  /** `claims` hears the heads that clients name. Clients are told `now` (milliseconds since 1970). */
  constructor(
    live: Live,
    observations: Observations,
    { now, claims, mailboxes, limits = new Limits(), gate = OPEN_GATE }: HubOptions,
  ) {
    this.#now = now;
    this.#gate = gate;
    this.#live = live;
    this.#observations = observations;
    this.#claims = claims;
    this.#limits = limits;
    this.#mailboxes = mailboxes;
    this.#news = new EndpointNews(live, observations, this.#audience, this.#lanes);
    const parts = { audience: this.#audience, lanes: this.#lanes, mailboxes };
    this.#relayNews = new RelayNews(live, observations, parts);
    this.#relayDuties = new RelayDuties(live, observations, parts);
    this.#behind = new Behind(live);
    this.#routeDuties = new RouteDuties(live, observations, this.#audience);
    this.#looks = new Looks(this.#audience, () => live.network);
    this.#timers = [
      setInterval(() => this.#heartbeat(), 1000),
      setInterval(() => this.#lookAfterSlow(), LOOK_AFTER_SLOW_MS),
    ];
  }

  members(): Iterable<Member> {
    return this.#audience.all();
  }

  hasStream(id: PeerId): boolean {
    return !this.#audience.ofPeer(id)[Symbol.iterator]().next().done;
  }

  get framesSent(): number {
    let sent = this.#sentToGone;
    for (const member of this.#audience.all()) sent += member.sent;
    return sent;
  }

  /** Clients reconnect by themselves. */
  close(): void {
    this.#news.close();
    this.#relayNews.close();
    this.#relayDuties.close();
    this.#routeDuties.close();
    this.#looks.close();
    this.#behind.close();
    this.#lanes.close();
    for (const timer of this.#timers) clearInterval(timer);
    for (const { socket } of this.#audience.all()) socket.close(1001);
  }

  /** Which ways packets of these peers take, as their clients say. */
  look(ids: readonly PeerId[]): Promise<ObservedWay[]> {
    return this.#looks.look(ids);
  }

  /** Whether that machine is a relay now, as far as is known here. */
  relays(id: PeerId): boolean {
    return this.#relayDuties.serves(id);
  }

  /** Resolves when the peer's streams have closed. */
  revoke(peerId: PeerId, reason: Revoked['reason']): Promise<unknown> {
    const members = [...this.#audience.ofPeer(peerId)];
    const closed = members.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
    for (const member of members) {
      this.#leave(member);
      member.end('revoked', { kind: 'revoked', reason });
    }
    return Promise.all(closed);
  }

  follow(step: Step): void {
    this.#caughtUp.clear();
    for (const [id, { after }] of step.changes.peers) if (!after) this.#observations.forget(id);
    if (step.commit.events.some(({ type }) => type === 'LogRestored')) {
      this.#startOver();
      return;
    }
    this.#relayDuties.follow(step);
    this.#routeDuties.follow();
    this.#endUnproved(step);
    for (const id of step.moves.peers)
      for (const member of [...this.#audience.ofPeer(id)]) this.#move(member, step);
    for (const [view, bytes] of stepFrames(this.#live, step, this.#told)) this.#tell(view, [bytes]);
    this.#bookmark();
    this.#news.follow(step);
    this.#relayNews.follow(step);
  }

  /** After a proved upgrade, both sides prove themselves first. */
  attach(socket: WebSocket | StreamSocket, peerId: PeerId, query: StreamQuery, opening?: Opening): void {
    socket.on('error', () => socket.terminate());
    if (socket.readyState !== socket.OPEN) return;
    const key = opening?.evidence.key;
    const begin = (): void => {
      const member = { peerId, key };
      if (this.#behind.isMet(peerId, query)) this.#begin(socket, member, query);
      else this.#behind.wait(socket, peerId, query, () => this.#begin(socket, member, query));
    };
    if (opening) open(socket, this.#live.networkId, opening, begin);
    else begin();
  }

  /** `key`: proved by the client. */
  #begin(
    socket: StreamSocket,
    { peerId, key }: { peerId: PeerId; key: PublicKey | undefined },
    query: StreamQuery,
  ): void {
    const peer = this.#live.network.peer(peerId);
    if (!appears(peer) || (key !== undefined && key !== peer.publicKey)) {
      socket.terminate();
      return;
    }
    const { position, hash } = this.#live.head;
    const { boot, sequence } = this.#observations;
    const word = wordOfCan(query.can);
    const from = this.#knowsAnother(peer, word) ? undefined : this.#resumable(query, peerId);
    const member = new Member(
      socket,
      peer,
      { position: from ?? position, sequence: query.boot === boot ? (query.sequence ?? 0) : 0 },
      {
        sees: viewOf(this.#live.network, peer, word),
        word,
        isProved: key !== undefined,
        canRelay: saysCan(query.can, RELAY),
        canServe: key !== undefined && saysCan(query.can, PEER_RELAY),
        canCarry: key !== undefined && saysCan(query.can, ROUTES),
      },
      this.#gate,
    );
    const network = this.#live.networkId;
    const heartbeat = HEARTBEAT_SECONDS;
    const now = Math.floor(this.#now());
    const welcome = { kind: 'welcome', network, position, hash, heartbeat, boot, sequence, now } as const;
    member.send({ ...welcome, can: [...CAN] });
    if (query.position !== undefined && query.hash !== undefined)
      this.#claims?.hear(peerId, { position: query.position, hash: query.hash });
    if (from === undefined) {
      member.write(fetchFrame(this.#live));
      member.sequence = 0;
    }
    this.#enter(member);
    this.#level(member);
  }

  /** Its program knows less than that whose state it has, or more: what it would not keep to must leave that state. */
  #knowsAnother(peer: Peer, word: Word): boolean {
    const isLess = wordOf(peer, word) !== wordOf(peer, 'limits');
    const wasLess = this.#lessened.delete(peer.id);
    if (isLess) this.#lessened.add(peer.id);
    return isLess || wasLess;
  }

  /** Undefined: the client has to fetch a snapshot. */
  #resumable({ position, hash, state }: StreamQuery, peerId: PeerId): Position | undefined {
    if (position === undefined || hash === undefined || state === 'none') return undefined;
    if (this.#live.window.hasMoved(peerId, position)) return undefined;
    return this.#live.window.hashAt(position) === hash ? position : undefined;
  }

  #enter(member: Member): void {
    const { socket, view } = member;
    this.#makeRoom(member);
    member.beat = this.#attached++ % HEARTBEAT_SECONDS;
    if (!this.#audience.listens(view)) this.#told.set(view, this.#live.head.position);
    this.#audience.enter(member);
    this.#noteWord(member);
    socket.on('message', (data, isBinary) => this.#onMessage(member, data, isBinary));
    socket.on('pong', () => {
      member.missed = 0;
    });
    socket.once('close', () => this.#leave(member));
  }

  /** An unproved stream never displaces a proved one. */
  #makeRoom({ peerId, isProved }: Member): void {
    const streams = [...this.#audience.ofPeer(peerId)].filter((member) => member.isProved === isProved);
    const surplus = streams.slice(0, Math.max(0, streams.length + 1 - MAX_STREAMS));
    for (const member of surplus) {
      this.#exceeded('streams', member);
      this.#leave(member);
      member.end('tooMany');
      setTimeout(() => member.socket.terminate(), MAX_END_MS).unref();
    }
  }

  /** Nothing is heard of a peer without streams: its last word holds. */
  #noteWord({ peerId }: Member): void {
    const word = saidBy(this.#audience.ofPeer(peerId));
    if (word !== undefined) this.#observations.setWord(peerId, word);
  }

  #exceeded(limit: Limit, { peerId }: Member): void {
    this.#limits.exceeded(limit, this.#live.network.peer(peerId)?.ip);
  }

  #leave(member: Member): void {
    if (this.#audience.has(member)) this.#sentToGone += member.sent;
    this.#audience.leave(member);
    this.#relayDuties.leave(member);
    this.#noteWord(member);
    if (!this.#audience.listens(member.view)) this.#told.delete(member.view);
  }

  /** Only a new welcome tells a client where to resume. */
  #startOver(): void {
    for (const member of [...this.#audience.all()]) {
      this.#leave(member);
      member.end('otherHistory');
    }
  }

  /** Its peer's word or CIDR gives it another view: it is told the difference, or has to fetch all. */
  #move(member: Member, step: Step): void {
    const { view: from } = member;
    const peer = this.#live.network.peer(member.peerId);
    const to = peer && viewOf(this.#live.network, peer, member.word);
    if (!to || viewKey(to) === from) return;
    const isTold = member.position === this.#told.get(from);
    this.#changeView(member, to);
    if (member.isBehind) return; // it fetches all when its queue is empty
    const views = [from, member.view] as const;
    const frame = isTold && moveFrame(this.#live, step, { from: member.position, views });
    const bytes = frame || fetchFrame(this.#live);
    this.#audience.write(member, bytes);
    member.position = this.#live.head.position;
    if (isFetch(bytes)) member.sequence = 0;
    else this.#news.welcome(step.moves.told(...views)?.fresh ?? []);
    this.#news.level(member); // what is gathered for its view of before does not reach it
  }

  #changeView(member: Member, to: View): void {
    const { view: from } = member;
    if (!this.#audience.listens(viewKey(to))) this.#told.set(viewKey(to), this.#live.head.position);
    this.#audience.move(member, to);
    if (!this.#audience.listens(from)) this.#told.delete(from);
  }

  #tell(view: ViewKey, frames: readonly Buffer[]): void {
    const { position } = this.#live.head;
    this.#lanes.add(view, {
      members: this.#audience.level(view),
      write: (member) => {
        if (member.position >= position) return; // it came, or caught up, in the meantime
        for (const bytes of frames) this.#audience.write(member, bytes);
        member.position = position;
      },
      weight: frames.some(isFetch) ? WEIGHT_OF_FETCH : frames.length,
    });
    this.#told.delete(view); // set again, it is the last in the map's order
    this.#told.set(view, position);
  }

  /** So that no member has many digests to catch up on. */
  #bookmark(): void {
    const { position } = this.#live.head;
    for (const [view, told] of this.#told) {
      if (position - told < BOOKMARK_EVERY) return;
      this.#tell(view, bookmarkFrames(this.#live, { from: told, to: position }));
    }
  }

  #endUnproved({ rights: { mustProve } }: Step): void {
    for (const id of mustProve)
      for (const member of [...this.#audience.ofPeer(id)]) {
        if (member.isProved) continue;
        this.#leave(member);
        member.end('unproved');
      }
  }

  #level(member: Member): void {
    const { position } = this.#live.head;
    this.#audience.catchUp(member);
    if (this.#live.window.hasMoved(member.peerId, member.position)) member.sequence = 0;
    if (member.position < position) {
      const frames = this.#catchUp(member);
      for (const bytes of frames) this.#audience.write(member, bytes);
      member.position = position;
    }
    this.#routeDuties.level(member);
    this.#relayNews.level(member);
    this.#news.level(member);
  }

  /** After a restart, thousands share it. */
  #catchUp({ peerId, sees, view, position: from }: Member): readonly Buffer[] {
    if (this.#live.window.hasMoved(peerId, from)) return [fetchFrame(this.#live)];
    const key = `${view} ${from}`;
    const frames = this.#caughtUp.get(key) ?? catchUpFrames(this.#live, sees, from);
    if (this.#caughtUp.size >= MAX_CATCH_UPS) this.#caughtUp.clear();
    this.#caughtUp.set(key, frames);
    return frames;
  }

  #lookAfterSlow(): void {
    const now = performance.now();
    for (const member of [...this.#audience.behind()]) {
      if (member.isDrained) this.#level(member);
      else if (now - (member.behindSince ?? now) > MAX_DRAIN_MS) this.#cutOff(member);
    }
  }

  /** A goodbye frame would wait behind all unread ones. */
  #cutOff(member: Member): void {
    this.#exceeded('slow', member);
    member.socket.terminate();
  }

  #heartbeat(): void {
    this.#second = (this.#second + 1) % HEARTBEAT_SECONDS;
    const due: Member[] = [];
    for (const member of this.#audience.all()) {
      if (member.heard >= MAX_HEARD) member.socket.resume();
      member.heard = 0;
      if (member.beat === this.#second) due.push(member);
    }
    void this.#pingAll(due);
  }

  async #pingAll(members: readonly Member[]): Promise<void> {
    for (let at = 0; at < members.length; at += PINGS_AT_ONCE) {
      if (at > 0) await setImmediate();
      for (const member of members.slice(at, at + PINGS_AT_ONCE))
        if (this.#audience.has(member)) this.#ping(member);
    }
  }

  #ping(member: Member): void {
    if (member.missed >= MAX_MISSED) {
      member.socket.terminate();
      return;
    }
    member.missed += 1;
    member.socket.ping();
  }

  /** Of its own session alone. */
  #tellIndices(member: Member, peer: PeerId): void {
    const { own: mine = null, others: theirs = null } = this.#mailboxes.indicesOf(member.peerId, peer) ?? {};
    member.send({ kind: 'indices', peer, mine, theirs });
  }

  #throttle(member: Member): void {
    this.#exceeded('frames', member);
    member.socket.pause();
  }

  #onMessage(member: Member, data: RawData, isBinary: boolean): void {
    if (!this.#audience.has(member)) return; // its right has ended, or it has been sent away
    member.heard += 1;
    if (member.heard === MAX_HEARD) this.#throttle(member);
    const frame = isBinary ? undefined : parseFrame(data);
    switch (frame?.kind) {
      case undefined:
        this.#exceeded('badFrame', member);
        this.#leave(member);
        member.end('badFrame');
        break;
      case 'candidates':
        this.#observations.report(member.peerId, frame.endpoints);
        break;
      case 'applied':
        member.applied = frame.position;
        member.held = frame.held;
        break;
      case 'indices-of':
        this.#tellIndices(member, frame.peer);
        break;
      case 'consents':
        this.#relayDuties.consents(member, frame);
        break;
      case 'open':
        this.#relayDuties.open(member, frame);
        break;
      case 'offers':
        this.#routeDuties.offers(member, frame.blocks);
        break;
      case 'ways':
        this.#looks.hear(member.peerId, frame.peers);
        break;
      default:
        frame satisfies never;
    }
  }
}

const parseFrame = (data: RawData): ClientFrame | undefined => {
  try {
    return ClientFrame.parse(JSON.parse(data.toString()));
  } catch {
    return undefined;
  }
};
