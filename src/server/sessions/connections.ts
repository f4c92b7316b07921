/** The API's TCP connections by address: few for each, in places by what they have proved. */
import type { Socket } from 'node:net';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { mayConnect } from '../../domain/rights.ts';
import { Ip } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { Limits } from '../limits.ts';

/**
 * `silent`: no whole request yet. `unproved`: a request without a proof. `opening`: a stream whose client has not answered
 * the challenge yet. `proved`: a call or a stream, by key.
 */
export type Standing = 'silent' | 'unproved' | 'opening' | 'proved';

/** For each address. Any program on a peer's machine can open connections; only one that reads its conf can prove anything. */
const MAX_CONNECTIONS: { readonly [S in Standing]: number } = {
  silent: 16,
  unproved: 4,
  opening: 4,
  proved: 8,
};
/** Where the oldest is closed instead of the new one. */
const GIVES_WAY: { readonly [S in Standing]: boolean } = {
  silent: true,
  unproved: false,
  opening: true,
  proved: false,
};
/** A connection that says or proves nothing is closed at the eighth look: after 2 s, or later where the server itself is late. */
const LOOK_EVERY_MS = 250;
const MAX_LOOKS = 8;

/** An address that rests takes no connection: the kernel may have made one that Node hears of when another peer has it. */
const REST_MS = 5_000;

/** The peer at the other end of a socket, if it may connect. */
export const peerAt = (network: Network, remoteAddress: string | undefined): Peer | undefined => {
  const ip = Ip.safeParse(remoteAddress);
  const peer = ip.success ? network.peerAt(ip.data) : undefined;
  return mayConnect(peer) ? peer : undefined;
};

type Connection = {
  readonly socket: Socket;
  /** Who had the address when the connection was made. */
  readonly key: PublicKey | undefined;
  standing: Standing;
  looks: number;
};

export class Connections {
  /** Oldest first. */
  readonly #byAddress = new Map<string, Map<Socket, Connection>>();
  readonly #waiting = new Set<Connection>();
  /** Until when addresses rest, by the monotonic clock. */
  readonly #resting = new Map<string, number>();
  readonly #limits: Limits;
  readonly #keyAt: (address: string) => PublicKey | undefined;
  #looking: NodeJS.Timeout | undefined;

  /** `keyAt` tells whose packets come from an address. */
  constructor(limits: Limits, keyAt: (address: string) => PublicKey | undefined) {
    this.#limits = limits;
    this.#keyAt = keyAt;
  }

  /** Counts a new connection, which is silent, until it closes. */
  take(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    if (this.#rests(address)) {
      socket.destroy();
      return;
    }
    const connections = this.#byAddress.get(address) ?? new Map<Socket, Connection>();
    const connection: Connection = { socket, key: this.#keyAt(address), standing: 'silent', looks: 0 };
    this.#byAddress.set(address, connections.set(socket, connection));
    this.#wait(connection);
    this.#makeRoom(address, 'silent');
    socket.once('close', () => {
      this.#waiting.delete(connection);
      connections.delete(socket);
      if (connections.size === 0) this.#byAddress.delete(address);
    });
  }

  /** The key by which a connection was made; undefined where there was none, or the connection has ended. */
  keyOf(socket: Socket): PublicKey | undefined {
    return this.#connection(socket)?.key;
  }

  /** Raises a connection's standing, never back from `proved`; false: there are too many of that standing. */
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

  /** Those that an address has now. */
  at(address: string): Socket[] {
    return [...(this.#byAddress.get(address)?.keys() ?? [])];
  }

  /** Takes no connection from an address for a while. */
  rest(address: string): void {
    this.#resting.set(address, performance.now() + REST_MS);
  }

  /** Ends all. */
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
      // A stream that is being opened ends by itself, with a code, just before.
      if (connection.looks <= MAX_LOOKS + (connection.standing === 'opening' ? 2 : 0)) continue;
      this.#limits.exceeded('silence', connection.socket.remoteAddress);
      connection.socket.destroy();
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}
