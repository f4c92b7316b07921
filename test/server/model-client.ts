// A client in memory that follows the stream by its rules and insists on everything that it is promised.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { gunzipSync } from 'node:zlib';
import { extend, type Head, judge } from '../../src/client/memory/chain.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { type View, viewOf, WORDS, type Word } from '../../src/domain/views.ts';
import { appears } from '../../src/domain/visibility.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import {
  type Delta,
  type Endpoints,
  MAX_DELTA_BYTES,
  type RelayRow,
  type Relays,
  ServerFrame,
  Snapshot,
} from '../../src/protocol/frames.ts';
import type { CidrRow, LimitRow, Observation, PeerRow, RouteRow } from '../../src/protocol/rows.ts';
import type { StreamSocket } from '../../src/server/stream/member.ts';
import type { CidrId, PeerId, Position } from '../../src/values/id.ts';
import { cidrRowsOf, oldView, type Views, viewsOf } from '../invariants.ts';
import { bytesOf, MAILBOXES, type RunningNetwork } from './running-network.ts';

/** What every CIDR's peers see, at each position that was the end of a commit. */
export class Truth {
  readonly #running: Pick<RunningNetwork, 'network'>;
  readonly #views = new Map<Position, Views>();
  readonly #cidrs = new Map<Position, Map<number, CidrRow>>();
  readonly #everSeen = new Map<string, Set<number>>();

  constructor(running: Pick<RunningNetwork, 'network'>) {
    this.#running = running;
    this.note();
  }

  /** To be called after each commit, before anybody is told. */
  note(): void {
    const { network } = this.#running;
    const views = viewsOf(network);
    this.#views.set(network.position, views);
    this.#cidrs.set(network.position, cidrRowsOf(network));
    for (const [viewer, { rows }] of views) {
      const seen = this.#everSeen.get(viewer) ?? new Set();
      for (const id of rows.keys()) seen.add(id);
      this.#everSeen.set(viewer, seen);
    }
  }

  /** What is sent names what its reader may see now, as it is now; what goes was in sight before. */
  expectFit(viewer: string, frame: ServerFrame): void {
    if (frame.kind === 'revoked') return; // the same commit may have taken the peer away
    const shown = this.#views.get(this.#running.network.position)?.get(viewer);
    assert.ok(shown);
    const { rows: view, limits, routes } = shown;
    if (frame.kind === 'endpoints') for (const { id } of frame.peers) assert.ok(view.has(id));
    if (frame.kind !== 'delta') return;
    for (const limit of frame.limits?.changed ?? []) assert.deepEqual(limit, limits.get(limit.cidrId));
    for (const id of frame.limits?.removed ?? []) assert.ok(!limits.has(id));
    for (const route of frame.routes?.changed ?? []) assert.deepEqual(route, routes.get(route.id));
    for (const id of frame.routes?.removed ?? []) assert.ok(!routes.has(id));
    for (const row of frame.peers.changed) assert.deepEqual(row, view.get(row.id));
    for (const id of frame.peers.removed) {
      assert.ok(!view.has(id));
      assert.ok(this.#everSeen.get(viewer)?.has(id));
    }
  }

  expectView(position: Position, { viewer, view, limits, routes, cidrs }: Sight): void {
    const whole = this.#views.get(position);
    if (!whole) return; // within a commit: the chain may stop there, for those whom the commit does not concern
    const shown = whole.get(viewer);
    if (!shown) return; // it has been deleted meanwhile
    assert.deepEqual(view, shown.rows);
    assert.deepEqual(limits, shown.limits);
    assert.deepEqual(routes, shown.routes);
    assert.deepEqual(cidrs, this.#cidrs.get(position));
  }
}

/** As much of a WebSocket as the hub uses. What is sent lies here until the client reads it. */
class MemorySocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  readonly inbox: ServerFrame[] = [];
  /** Nothing is read, and much was queued before. */
  stalled = false;
  closedWith: number | undefined;
  readonly #onSend: (frame: ServerFrame) => void;

  constructor(onSend: (frame: ServerFrame) => void) {
    super();
    this.#onSend = onSend;
  }

  get bufferedAmount(): number {
    return this.stalled ? 300 * 1024 : 0;
  }

  send(data: Buffer | string): void {
    if (this.readyState !== this.OPEN) return;
    const frame = ServerFrame.parse(JSON.parse(data.toString()));
    assert.ok(data.length <= MAX_DELTA_BYTES || frame.kind !== 'delta');
    this.#onSend(frame);
    this.inbox.push(frame);
  }

  ping(): void {
    if (!this.stalled) this.emit('pong');
  }

  close(code: number): void {
    this.#end(code);
  }

  terminate(): void {
    this.inbox.length = 0;
    this.#end(1006);
  }

  #end(code: number): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.closedWith = code;
    queueMicrotask(() => this.emit('close', code));
  }
}

/** How a client comes back: with all that it knows, with nothing, or with no more than a head to start from. */
export type Coming = 'resume' | 'fresh' | 'none';

export type Tally = Map<string, number>;
const count = (tally: Tally, what: string): void => void tally.set(what, (tally.get(what) ?? 0) + 1);

/** What a client has in sight. */
type Sight = Pick<ModelClient, 'viewer' | 'view' | 'limits' | 'routes' | 'cidrs'>;

/** What a client would have on its disk. */
type Kept = Pick<
  ModelClient,
  'head' | 'boot' | 'sequence' | 'view' | 'limits' | 'routes' | 'cidrs' | 'observed'
>;

export class ModelClient {
  readonly peerId: PeerId;
  readonly cidrId: CidrId;
  readonly #truth: Truth;
  readonly #tally: Tally;
  head: Head | undefined;
  boot = '';
  sequence = 0;
  view = new Map<number, PeerRow>();
  limits = new Map<number, LimitRow>();
  routes = new Map<number, RouteRow>();
  cidrs = new Map<number, CidrRow>();
  observed = new Map<PeerId, Observation>();
  /** Undefined: not told in this stream. */
  relays: Map<PeerId, RelayRow> | undefined;
  /** Whether something is missing: it has to come back. */
  isLost = false;
  /** Frames until the connection breaks. */
  breaksAfter = Number.POSITIVE_INFINITY;
  #socket: MemorySocket | undefined;
  #mustFetch = false;
  readonly #past: Kept[] = [];

  constructor(peer: Peer, truth: Truth, tally: Tally) {
    this.peerId = peer.id;
    this.cidrId = peer.cidrId;
    this.#truth = truth;
    this.#tally = tally;
  }

  /** Half of the clients know the frames about relays. */
  get canRelay(): boolean {
    return this.peerId % 2 === 0;
  }

  /** A third of the clients keep to limits, a third know of phones. */
  get word(): Word {
    return WORDS[this.peerId % WORDS.length] ?? 'old';
  }

  get viewer(): string {
    return `peer ${this.peerId} ${this.word}`;
  }

  sees({ network }: RunningNetwork): View {
    const peer = network.peer(this.peerId);
    return peer ? viewOf(network, peer, this.word) : oldView(this.cidrId);
  }

  get isConnected(): boolean {
    return this.#socket?.readyState === 1;
  }

  get isStalled(): boolean {
    return this.#socket?.stalled === true;
  }

  /** Whether it was too slow to be told everything. */
  isBehind({ hub }: RunningNetwork): boolean {
    return [...hub.members()].some(({ peerId, isBehind }) => peerId === this.peerId && isBehind);
  }

  /** Whether a snapshot is still to be fetched. */
  get isFetching(): boolean {
    return this.#mustFetch;
  }

  connect(running: RunningNetwork, coming: Coming): void {
    this.disconnect();
    count(this.#tally, coming);
    if (coming === 'fresh') this.head = undefined;
    if (coming !== 'resume') this.#forgetRows();
    const state = this.head && (this.view.size === 0 ? 'none' : undefined);
    const { position, hash } = this.head ?? {};
    this.isLost = false;
    const socket = new MemorySocket((frame) => {
      this.#truth.expectFit(this.viewer, frame);
      if (frame.kind === 'revoked' && frame.reason !== 'rekeyed')
        assert.ok(!appears(running.network.peer(this.peerId)));
    });
    this.#socket = socket;
    this.relays = undefined;
    const can = [
      'proof',
      ...(this.canRelay ? ['relay'] : []),
      ...(this.word === 'old' ? [] : [this.word]),
    ].join();
    const query = { position, hash, state, boot: this.boot, sequence: this.sequence, can } as const;
    running.hub.attach(socket as unknown as StreamSocket, this.peerId, query);
  }

  disconnect(): void {
    this.#socket?.terminate();
    this.#mustFetch = false;
  }

  stall(): void {
    if (this.#socket) this.#socket.stalled = true;
  }

  drain(): void {
    if (this.#socket) this.#socket.stalled = false;
  }

  /** Remembers what is on its disk, so that it may later be an old copy of itself. */
  keep(): void {
    const { head, boot, sequence } = this;
    const rows = {
      view: new Map(this.view),
      limits: new Map(this.limits),
      routes: new Map(this.routes),
      cidrs: new Map(this.cidrs),
      observed: new Map(this.observed),
    };
    this.#past.push({ head, boot, sequence, ...rows });
  }

  /** Becomes an earlier copy of itself. */
  fallBack(pick: number): void {
    const kept = this.#past[pick % Math.max(1, this.#past.length)];
    if (!kept) return;
    this.disconnect();
    Object.assign(this, kept, {
      view: new Map(kept.view),
      limits: new Map(kept.limits),
      routes: new Map(kept.routes),
      cidrs: new Map(kept.cidrs),
      observed: new Map(kept.observed),
    });
  }

  /** What has come in, as it would be read from the wire; for those who want to lose some of it. */
  get inbox(): ServerFrame[] {
    return this.#socket?.inbox ?? [];
  }

  /** Reads everything; a snapshot that is asked for waits until the next reading where `lazy`. */
  async read(running: RunningNetwork, { lazy = false } = {}): Promise<void> {
    while (!this.isLost && this.#socket && !this.#socket.stalled) {
      if (this.#mustFetch) await this.#fetch(running);
      const frame = this.#socket.inbox.shift();
      if (!frame) return;
      this.#take(frame, running);
      if (--this.breaksAfter <= 0) this.#break();
      if (lazy && this.#mustFetch) return;
    }
  }

  #break(): void {
    this.disconnect();
    this.breaksAfter = Number.POSITIVE_INFINITY;
    this.isLost = true;
    count(this.#tally, 'broke');
  }

  #take(frame: ServerFrame, running: RunningNetwork): void {
    count(this.#tally, frame.kind);
    switch (frame.kind) {
      case 'welcome':
        assert.equal(frame.network, running.live.networkId);
        if (frame.boot !== this.boot) this.sequence = 0;
        this.boot = frame.boot;
        break;
      case 'fetch':
        this.#mustFetch = true;
        break;
      case 'delta':
        this.#takeDelta(frame);
        break;
      case 'endpoints':
        this.#takeEndpoints(frame);
        break;
      case 'relays':
        this.#takeRelays(frame);
        break;
      case 'indices':
      case 'look':
        assert.fail('nobody has asked or looked');
        break;
      case 'revoked':
        break;
    }
  }

  #takeRelays({ changed, removed }: Relays): void {
    assert.ok(this.canRelay);
    this.relays ??= new Map();
    for (const row of changed) {
      assert.equal(row.mailbox, MAILBOXES.mailboxOf(row.id, this.peerId));
      this.relays.set(row.id, row);
    }
    for (const id of removed) this.relays.delete(id);
  }

  #takeDelta(delta: Delta): void {
    if (!this.head || this.view.size === 0) {
      this.isLost = true; // rows without a state to put them on: only after a lost `fetch`
      return;
    }
    const judgement = judge(this.head, delta, sha256);
    count(this.#tally, `delta: ${judgement.kind}`);
    assert.notEqual(judgement.kind, 'breach');
    if (judgement.kind === 'gap') this.isLost = true;
    if (judgement.kind !== 'take') return;
    if (delta.from < this.head.position) count(this.#tally, 'delta: overlapping');
    if (isBookmark(delta)) count(this.#tally, 'delta: bookmark');
    this.head = judgement.head;
    for (const row of delta.peers.changed) this.view.set(row.id, row);
    for (const id of delta.peers.removed) {
      this.view.delete(id);
      this.observed.delete(id);
    }
    assert.ok(this.word === 'limits' || delta.limits === undefined);
    for (const row of delta.limits?.changed ?? []) this.limits.set(row.cidrId, row);
    for (const id of delta.limits?.removed ?? []) this.limits.delete(id);
    if (delta.limits) count(this.#tally, 'delta: limits');
    for (const row of delta.routes?.changed ?? []) this.routes.set(row.id, row);
    for (const id of delta.routes?.removed ?? []) this.routes.delete(id);
    for (const row of delta.cidrs.changed) this.cidrs.set(row.id, row);
    for (const id of delta.cidrs.removed) this.cidrs.delete(id);
    this.#truth.expectView(delta.position, this);
  }

  #takeEndpoints({ boot, sequence, peers }: Endpoints): void {
    assert.equal(boot, this.boot);
    this.sequence = sequence;
    for (const row of peers) if (this.view.has(row.id)) this.observed.set(row.id, row);
  }

  async #fetch(running: RunningNetwork): Promise<void> {
    const bytes = await bytesOf(running.snapshots.of(this.sees(running), this.head?.position));
    const snapshot = Snapshot.parse(JSON.parse(gunzipSync(bytes).toString()));
    const { network, position, hash, from, peers, cidrs, limits = [], routes = [] } = snapshot;
    let head = this.head ?? { networkId: network, position, hash };
    if (from > head.position) {
      head = extend(head, await running.digests(head.position, from), sha256);
    }
    const judgement = judge(head, snapshot, sha256);
    if (judgement.kind === 'take') head = judgement.head;
    else assert.equal(head.position, position);
    this.head = head;
    this.view = new Map(peers.map((row) => [row.id, row]));
    this.cidrs = new Map(cidrs.map((row) => [row.id, row]));
    this.limits = new Map(limits.map((row) => [row.cidrId, row]));
    this.routes = new Map(routes.map((row) => [row.id, row]));
    for (const id of this.observed.keys()) if (!this.view.has(id)) this.observed.delete(id);
    this.#mustFetch = false;
    this.#truth.expectView(position, this);
  }

  #forgetRows(): void {
    this.view.clear();
    this.limits.clear();
    this.routes.clear();
    this.cidrs.clear();
    this.observed.clear();
    this.boot = '';
    this.sequence = 0;
  }
}

const isBookmark = ({ peers, cidrs }: Delta): boolean =>
  [peers.changed, peers.removed, cidrs.changed, cidrs.removed].every(({ length }) => length === 0);
