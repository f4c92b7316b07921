/**
 * Packets that open the local router and are discarded by the second one.
 * So no router at the other end can remember them.
 */
import { closeSync } from 'node:fs';
import { hostOf, portOf, type SocketAddress } from '../../values/endpoint.ts';
import { familyOf, type Ip, toNumber } from '../../values/ip.ts';
import { openLibc } from '../../wireguard/libc.ts';

const UDP = 17;
/** A few routers beyond our own, in case one ignores the option. */
const HOPS = 4;
/**
 * The option "record route" (RFC 791, 3.1): type, length, pointer, and room for one address and one byte. The
 * first router writes its address; the second finds "some room but not enough" and discards the datagram.
 */
const ROOM_FOR_ONE = Buffer.from([7, 8, 4, 0, 0, 0, 0, 0]);

type Send = (packet: Buffer, to: SocketAddress) => void;

/**
 * An IPv4 packet with an empty UDP datagram: the kernel fills in source address, length and header checksum
 * (raw(7)); UDP checksum 0 means none (RFC 768).
 */
export const fadingPacket = (fromPort: number, to: SocketAddress): Buffer => {
  const header = Buffer.alloc(20);
  header.writeUInt8(0x40 | ((header.length + ROOM_FOR_ONE.length) / 4), 0);
  header.writeUInt8(HOPS, 8);
  header.writeUInt8(UDP, 9);
  header.writeUInt32BE(Number(toNumber(hostOf(to) as Ip)), 16);
  const datagram = Buffer.alloc(8);
  datagram.writeUInt16BE(fromPort, 0);
  datagram.writeUInt16BE(portOf(to), 2);
  datagram.writeUInt16BE(datagram.length, 4);
  return Buffer.concat([header, ROOM_FOR_ONE, datagram]);
};

/** Node has no raw sockets; the library loads with the first packet. */
const openSocket = async (): Promise<{ send: Send; close: () => void }> => {
  const libc = await openLibc();
  const fd = libc.rawSocket();
  return {
    send: (packet, to) => libc.sendRaw(fd, packet, hostOf(to) as Ip),
    close: () => closeSync(fd),
  };
};

/** IPv4 only: there is the option, and there routers translate ports. */
export const canFade = (place: SocketAddress): boolean => familyOf(hostOf(place) as Ip) === 4;

export class FadingPackets {
  #socket: Promise<Awaited<ReturnType<typeof openSocket>> | undefined> | undefined;

  /** From WireGuard's port. Where forbidden, does nothing: it is only an aid. */
  async send(fromPort: number, to: SocketAddress): Promise<void> {
    this.#socket ??= openSocket().catch(() => undefined);
    const socket = await this.#socket;
    if (fromPort > 0) socket?.send(fadingPacket(fromPort, to), to);
  }

  async close(): Promise<void> {
    const socket = await this.#socket;
    this.#socket = undefined;
    socket?.close();
  }
}
