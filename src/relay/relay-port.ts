/** A relay's UDP port: a socket for IPv4, and one for IPv6 where the machine has it. */
import { createSocket, type Socket, type SocketType } from 'node:dgram';
import { once } from 'node:events';
import { endpointOf, type SocketAddress } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import { type Family, familyOf, Ip } from '../values/ip.ts';

/** The kernel gives less where it has a lower maximum. */
const BUFFER_BYTES = 4 * 1024 * 1024;
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EPROTONOSUPPORT'];

type Receive = (packet: Uint8Array, from: SocketAddress) => void;

export class RelayPort {
  readonly port: number;
  readonly #sockets: ReadonlyMap<Family, Socket>;

  private constructor(port: number, sockets: ReadonlyMap<Family, Socket>) {
    this.port = port;
    this.#sockets = sockets;
  }

  /** Throws a `Failure` if the port is taken. */
  static async open(port: number, receive: Receive): Promise<RelayPort> {
    const sockets = new Map<Family, Socket>([[4, await bound('udp4', port, receive)]]);
    const second = await bound('udp6', port, receive).catch((error: NodeJS.ErrnoException) => {
      if (NO_SUCH_FAMILY.includes(error.code ?? '')) return undefined;
      for (const socket of sockets.values()) socket.close();
      throw error;
    });
    if (second) sockets.set(6, second);
    return new RelayPort(port, sockets);
  }

  /** What cannot be sent is lost, as on any network. */
  send(packet: Uint8Array, to: SocketAddress): void {
    const colon = to.lastIndexOf(':');
    const host = to.startsWith('[') ? to.slice(1, colon - 1) : to.slice(0, colon);
    this.#sockets.get(familyOf(host as Ip))?.send(packet, Number(to.slice(colon + 1)), host, () => {});
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
  }
}

const bound = async (type: SocketType, port: number, receive: Receive): Promise<Socket> => {
  // Without a look-up of hosts, which are addresses: it would put off each packet.
  const lookup = (host: string, _: unknown, done: (error: null, address: string, family: number) => void) =>
    done(null, host, familyOf(host as Ip));
  const socket = createSocket({ type, ipv6Only: type === 'udp6', lookup: lookup as never });
  socket.on('message', (packet, { address, port: from }) => receive(packet, addressOf(address, from)));
  const listening = once(socket, 'listening');
  socket.bind({ port, exclusive: true });
  try {
    await listening;
  } catch (error) {
    socket.close();
    throw portTrouble(port, error as NodeJS.ErrnoException);
  }
  socket.on('error', () => {});
  for (const set of [
    () => socket.setRecvBufferSize(BUFFER_BYTES),
    () => socket.setSendBufferSize(BUFFER_BYTES),
  ])
    tryTo(set);
  return socket;
};

const tryTo = (set: () => void): void => {
  try {
    set();
  } catch {
    // The kernel's own size serves too.
  }
};

const portTrouble = (port: number, error: NodeJS.ErrnoException): Error =>
  error.code === 'EADDRINUSE'
    ? new Failure(`UDP port ${port} is taken by another program`, {
        hint: 'choose another: innernet-server set-relay NETWORK innernet-server --port N',
        cause: error,
      })
    : error;

/** IPv6 addresses that the kernel gives are canonical, but for a zone. */
const addressOf = (host: string, port: number): SocketAddress =>
  endpointOf(host.includes('%') ? Ip.parse(host.slice(0, host.indexOf('%'))) : host, port) as SocketAddress;
