/**
 * A client with the program's own stream, calls and judgement over real sockets, without a device; it notes whatever
 * breaks a promise: order, once each, whole commits, one history.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Api } from '../../src/client/api/api.ts';
import { Mirror, type Verdict } from '../../src/client/memory/mirror.ts';
import type { End } from '../../src/client/sync/end.ts';
import { Stream } from '../../src/client/sync/stream.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { Turns } from '../../src/machine/turns.ts';
import { clientCan } from '../../src/protocol/can.ts';
import type { ServerFrame } from '../../src/protocol/frames.ts';
import type { LimitRow } from '../../src/protocol/rows.ts';
import type { SocketAddress } from '../../src/values/endpoint.ts';
import { Failure } from '../../src/values/failure.ts';
import { type Hash, type Position, ROOT_CIDR, SERVER_PEER } from '../../src/values/id.ts';
import type { PublicKey } from '../../src/values/key.ts';
import { connectOpenly, loopback } from '../client/loopback.ts';
import type { Truth } from '../server/model-client.ts';
import type { RunningNetwork } from '../server/running-network.ts';

export type FollowedOptions = {
  peer: Peer;
  network: RunningNetwork['network'];
  truth: Truth;
  server: { endpoint: SocketAddress; key: PublicKey };
  dice: () => number;
  count: (what: string) => void;
};

/** The pause before it comes back, at most, in milliseconds. */
const MAX_PAUSE_MS = 40;

export class FollowedClient {
  readonly mirror: Mirror;
  /** What broke a promise. */
  readonly broken: unknown[] = [];
  /** The hash at each position where it stood. */
  readonly stood = new Map<Position, Hash>();
  readonly #options: FollowedOptions;
  readonly #api: Api;
  readonly #turns = new Turns();
  #stream: Stream | undefined;
  #isStopped = false;
  #following: Promise<void> | undefined;
  /** It came with a state: nothing that happened since needs a snapshot. */
  #resumes = false;

  constructor(options: FollowedOptions) {
    const { network, peer, server } = options;
    const [root, serverPeer] = [network.cidr(ROOT_CIDR), network.peer(SERVER_PEER)];
    if (!root || !serverPeer) throw new Error('there is no network');
    this.#options = options;
    this.#api = new Api(server.endpoint, server.key, loopback);
    this.mirror = new Mirror({ range: root.cidr, own: peer, server: serverPeer }, sha256);
  }

  /** Comes, and comes back whenever the connection ends. */
  follow(): void {
    this.#following ??= this.#follow();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stream?.cut('stopping');
    await this.#following;
    this.#api.close();
  }

  async #follow(): Promise<void> {
    const { dice, count } = this.#options;
    while (!this.#isStopped) {
      const end = await this.#session();
      count(end.kind === 'refused' ? `refused with ${end.status}` : 'connections ended');
      await pause(dice() * MAX_PAUSE_MS);
    }
  }

  #session(): Promise<End> {
    const { head, filled } = this.mirror;
    this.#resumes = head !== undefined && filled;
    const query = head && filled ? { position: head.position, hash: head.hash } : {};
    return new Promise((resolve) => {
      const stream: Stream = new Stream(
        { server: this.#options.server, connect: connectOpenly, query, patience: 5000 },
        {
          frame: (frame) => this.#turns.take(() => this.#onFrame(stream, frame)),
          unknown: (kind) => this.broken.push(`a frame of an unknown kind: ${kind}`),
          late: () => {},
          end: (end) => void this.#turns.take(async () => resolve(end)),
        },
      );
      this.#stream = stream;
    });
  }

  async #onFrame(stream: Stream, frame: ServerFrame): Promise<void> {
    if (this.#stream !== stream) return;
    try {
      await this.#take(stream, frame);
    } catch (error) {
      // An answer that was cut off, or a machine that is disabled meanwhile; all else is ours.
      if (!(error instanceof Failure)) this.broken.push(error);
      stream.cut('untaken');
    }
  }

  async #take(stream: Stream, frame: ServerFrame): Promise<void> {
    const { mirror } = this;
    switch (frame.kind) {
      case 'welcome':
        return this.#obey(stream, mirror.judgeWelcome(frame));
      case 'delta':
        return this.#obey(stream, mirror.judgeDelta(frame));
      case 'fetch':
        if (this.#resumes && mirror.filled) this.#options.count('resumes that became snapshots');
        return this.#fetch(stream);
      case 'revoked':
        this.#options.count('revoked');
        mirror.take(mirror.judgeRevocation());
        return;
      case 'endpoints':
        return;
    }
  }

  async #fetch(stream: Stream): Promise<void> {
    const { snapshot, reached } = await this.#api.snapshot(this.mirror.head, clientCan(false));
    this.#options.count('snapshots');
    await this.#obey(stream, this.mirror.judgeSnapshot(snapshot, reached), true);
  }

  async #obey(stream: Stream, verdict: Verdict, isWhole = false): Promise<void> {
    this.#options.count(`judged: ${verdict.kind}`);
    switch (verdict.kind) {
      case 'take':
        this.#expectNext(verdict.effect.head?.position, isWhole);
        this.mirror.take(verdict.effect);
        return this.#expectWhole();
      case 'alarm':
        this.broken.push(verdict.effect.alarm ?? 'an alarm');
        return;
      case 'fetch':
        return this.#fetch(stream);
      case 'gap':
        return stream.cut('gap');
      case 'known':
        return;
    }
  }

  /** Ordered, and each once. */
  #expectNext(position: Position | undefined, isWhole: boolean): void {
    const { head } = this.mirror;
    if (!head || position === undefined) return;
    if (position < head.position || (position === head.position && !isWhole))
      this.broken.push(`${position} was taken after ${head.position}`);
  }

  /** Whole commits: what it sees is what the log shows its CIDR at the position where it says that it stands. */
  #expectWhole(): void {
    const { mirror } = this;
    if (!mirror.head) return;
    this.stood.set(mirror.head.position, mirror.head.hash);
    try {
      this.#options.truth.expectView(mirror.head.position, this.sight);
    } catch (error) {
      this.broken.push(error);
    }
  }

  get sight() {
    return {
      viewer: `peer ${this.#options.peer.id} old`,
      limits: new Map<number, LimitRow>(),
      routes: new Map(Array.from(this.mirror.routes(), (row) => [row.id as number, row])),
      view: new Map(Array.from(this.mirror.peers(), (row) => [row.id as number, row])),
      cidrs: new Map(Array.from(this.mirror.cidrs(), (row) => [row.id as number, row])),
    };
  }
}
