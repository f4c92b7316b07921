/** The API's TCP connections by address, limited by what they have proved. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { mayCall } from '../../domain/rights.ts';
import { Ip } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Limits } from '../limits.ts';

/**
 * `silent`: no complete request yet. `unproved`: without a proof. `opening`: a stream before its client's
 * proof. `proved`: by key.
 */
export type Standing = 'silent' | 'unproved' | 'opening' | 'proved';

/** Per address. Any program on a peer's machine can connect; only a reader of its conf can prove anything. */
const MAX_CONNECTIONS: { readonly [S in Standing]: number } = {
  silent: 16,
  unproved: 4,
  opening: 4,
  proved: 8,
};
/** The oldest is closed instead of the new one. */
const GIVES_WAY: { readonly [S in Standing]: boolean } = {
  silent: true,
  unproved: false,
  opening: true,
  proved: false,
};
/** Closed at the ninth look: after some 2 s, later if the server itself is late. */
const LOOK_EVERY_MS = 250;
const MAX_LOOKS = 8;

/** The kernel may have accepted a connection before another peer got the address. */
const REST_MS = 5_000;

/** If it may call. */
export const peerAt = (network: Network, remoteAddress: string | undefined): Peer | undefined => {
  const ip = Ip.safeParse(remoteAddress);
  const peer = ip.success ? network.peerAt(ip.data) : undefined;
  return mayCall(peer) ? peer : undefined;
};

type Connection = {
  readonly socket: Socket;
  /** Of the address's owner at that time. */
  readonly key: PublicKey | undefined;
  standing: Standing;
  looks: number;
  asked: Asked | undefined;
};

/** The latest call over a connection. */
export type Asked = { readonly request: IncomingMessage; readonly response: ServerResponse };

export class Connections {
  /** Oldest first. */
  readonly #byAddress = new Map<string, Map<Socket, Connection>>();
  readonly #waiting = new Set<Connection>();
  /** By the monotonic clock. */
  readonly #resting = new Map<string, number>();
  readonly #limits: Limits;
  readonly #keyAt: (address: string) => PublicKey | undefined;
  #looking: NodeJS.Timeout | undefined;

  constructor(limits: Limits, keyAt: (address: string) => PublicKey | undefined) {
    this.#limits = limits;
    this.#keyAt = keyAt;
  }

  take(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.#rests(address)) {
      socket.destroy();
      return;
    }
    const connections = this.#byAddress.get(address) ?? new Map<Socket, Connection>();
    const key = this.#keyAt(address);
    const connection: Connection = { socket, key, standing: 'silent', looks: 0, asked: undefined };
    this.#byAddress.set(address, connections.set(socket, connection));
    this.#wait(connection);
    this.#makeRoom(address, 'silent');
    socket.once('close', () => {
      this.#waiting.delete(connection);
      connections.delete(socket);
      if (connections.size === 0) this.#byAddress.delete(address);
    });
  }

  keyOf(socket: Socket): PublicKey | undefined {
    return this.#connection(socket)?.key;
  }

  /** Never back from `proved`. False: too many of that standing. */
  rise(socket: Socket, standing: Exclude<Standing, 'silent'>): boolean {
    const connection = this.#connection(socket);
    if (!connection) return false;
    if (connection.standing === standing || connection.standing === 'proved') return true;
    const address = socket.remoteAddress ?? '';
    if (!GIVES_WAY[standing] && this.#in(address, standing).length >= MAX_CONNECTIONS[standing]) {
      this.#limits.exceeded('sockets', address);
      return false;
    }
    connection.standing = standing;
    this.#waiting.delete(connection);
    if (standing === 'opening') this.#wait(connection);
    this.#makeRoom(address, standing);
    return true;
  }

  /** Not for upgrades. */
  ask(asked: Asked): void {
    const connection = this.#connection(asked.request.socket);
    if (connection) connection.asked = asked;
  }

  askedOver(socket: Socket): Asked | undefined {
    return this.#connection(socket)?.asked;
  }

  /** Whether a call from there still waits for its answer. */
  isAnswering(address: string): boolean {
    const connections = this.#byAddress.get(address)?.values() ?? [];
    return [...connections].some(({ asked }) => asked && !asked.response.writableFinished);
  }

  at(address: string): Socket[] {
    return [...(this.#byAddress.get(address)?.keys() ?? [])];
  }

  rest(address: string): void {
    this.#resting.set(address, performance.now() + REST_MS);
  }

  close(): void {
    clearInterval(this.#looking);
    for (const connections of this.#byAddress.values())
      for (const socket of connections.keys()) socket.destroy();
  }

  #rests(address: string): boolean {
    const until = this.#resting.get(address);
    if (until === undefined) return false;
    if (performance.now() < until) return true;
    this.#resting.delete(address);
    return false;
  }

  #connection(socket: Socket): Connection | undefined {
    return this.#byAddress.get(socket.remoteAddress ?? '')?.get(socket);
  }

  #in(address: string, standing: Standing): Connection[] {
    return [...(this.#byAddress.get(address)?.values() ?? [])].filter((each) => each.standing === standing);
  }

  #makeRoom(address: string, standing: Standing): void {
    if (!GIVES_WAY[standing]) return;
    const there = this.#in(address, standing);
    for (const { socket } of there.slice(0, Math.max(0, there.length - MAX_CONNECTIONS[standing]))) {
      this.#limits.exceeded('silence', address);
      socket.destroy();
    }
  }

  #wait(connection: Connection): void {
    connection.looks = 0;
    this.#waiting.add(connection);
    this.#looking ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  #look(): void {
    for (const connection of this.#waiting) {
      connection.looks += 1;
      // A stream that is being opened ends itself just before, with a close code.
      if (connection.looks <= MAX_LOOKS + (connection.standing === 'opening' ? 2 : 0)) continue;
      this.#limits.exceeded('silence', connection.socket.remoteAddress);
      connection.socket.destroy();
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}
