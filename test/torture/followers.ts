// Clients as the program has them, without a device: the very judgement of frames, over the very streams of the hub.

import { EventEmitter } from 'node:events';
import { gunzipSync } from 'node:zlib';
import { type Effect, Mirror, type Verdict } from '../../src/client/memory/mirror.ts';
import type { Peer } from '../../src/domain/peer.ts';
import { viewOf } from '../../src/domain/views.ts';
import { sha256 } from '../../src/machine/sha256.ts';
import { ServerFrame, Snapshot } from '../../src/protocol/frames.ts';
import type { StreamSocket } from '../../src/server/stream/member.ts';
import type { PeerId } from '../../src/values/id.ts';
import { ROOT_CIDR, SERVER_PEER } from '../../src/values/id.ts';
import { bytesOf, type RunningNetwork } from '../server/running-network.ts';

/** As much of a WebSocket as the hub uses. */
class Socket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  readonly bufferedAmount = 0;
  readonly inbox: ServerFrame[] = [];

  send(data: Buffer | string): void {
    if (this.readyState === this.OPEN) this.inbox.push(ServerFrame.parse(JSON.parse(data.toString())));
  }

  ping(): void {
    this.emit('pong');
  }

  close(): void {
    this.readyState = 3;
    queueMicrotask(() => this.emit('close', 1000));
  }

  terminate(): void {
    this.close();
  }
}

export class FollowingClient {
  readonly id: PeerId;
  readonly mirror: Mirror;
  /** Every alarm that it raised. */
  alarms = 0;
  /** How many snapshots it took. */
  fetches = 0;
  #socket: Socket | undefined;

  constructor(peer: Peer, { network }: RunningNetwork) {
    const [root, server] = [network.cidr(ROOT_CIDR), network.peer(SERVER_PEER)];
    if (!root || !server) throw new Error('there is no network');
    this.id = peer.id;
    this.mirror = new Mirror({ range: root.cidr, own: peer, server }, sha256);
  }

  get isConnected(): boolean {
    return this.#socket?.readyState === 1;
  }

  /** Names of those on its device, were there one. */
  get tunnels(): string[] {
    return Array.from(this.mirror.tunnels(), ({ name }) => name).sort();
  }

  get held(): string[] {
    return Array.from(this.mirror.held(), ({ row, rule }) => `${row.name} ${rule}`);
  }

  /** Comes back where the connection has ended, and takes all that it is told. */
  async follow(running: RunningNetwork): Promise<void> {
    if (!this.isConnected) this.connect(running);
    const inbox = this.#socket?.inbox ?? [];
    for (let frame = inbox.shift(); frame; frame = inbox.shift()) await this.#take(frame, running);
  }

  connect(running: RunningNetwork): void {
    this.#socket?.close();
    const socket = new Socket();
    this.#socket = socket;
    const { head } = this.mirror;
    const query = head ? { position: head.position, hash: head.hash } : {};
    running.hub.attach(socket as unknown as StreamSocket, this.id, query);
  }

  async #take(frame: ServerFrame, running: RunningNetwork): Promise<void> {
    switch (frame.kind) {
      case 'welcome':
        this.#obey(this.mirror.judgeWelcome(frame));
        if (this.mirror.alarm) await this.#fetch(running);
        return;
      case 'delta':
        if (this.#obey(this.mirror.judgeDelta(frame)) === 'fetch') await this.#fetch(running);
        return;
      case 'fetch':
        return this.#fetch(running);
      case 'revoked':
        this.mirror.take(this.mirror.judgeRevocation());
        return;
      case 'endpoints':
        return;
    }
  }

  async #fetch({ network, snapshots }: RunningNetwork): Promise<void> {
    const peer = network.peer(this.id);
    if (!peer) return;
    this.fetches += 1;
    const packed = await bytesOf(snapshots.of(viewOf(network, peer, 'old'), this.mirror.head?.position));
    this.#obey(this.mirror.judgeSnapshot(Snapshot.parse(JSON.parse(gunzipSync(packed).toString()))));
  }

  #obey(verdict: Verdict): Verdict['kind'] {
    if (verdict.kind === 'take') this.mirror.take(verdict.effect);
    if (verdict.kind === 'alarm') this.#raise(verdict.effect);
    if (verdict.kind === 'gap') this.#socket?.close();
    return verdict.kind;
  }

  #raise(effect: Effect): void {
    if (!this.mirror.alarm) this.alarms += 1;
    this.mirror.take(effect);
  }
}
