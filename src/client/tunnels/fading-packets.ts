/**
 * Packets that open the router here for whoever is asked for, and are gone before the other end: the next router but
 * one has to discard them. So no router there can remember having been asked too early.
 */
import { closeSync } from 'node:fs';
import { hostOf, portOf, type SocketAddress } from '../../values/endpoint.ts';
import { familyOf, type Ip, toNumber } from '../../values/ip.ts';
import { openLibc } from '../../wireguard/libc.ts';

const UDP = 17;
/** Routers between here and the internet, and a few beyond, where some router does not look at the option. */
const HOPS = 4;
/**
 * The option "record route" (RFC 791, 3.1): type, length, pointer, and room for one address and one byte more. The
 * first router writes its address; for the second there is "some room but not enough": it discards the datagram.
 */
const ROOM_FOR_ONE = Buffer.from([7, 8, 4, 0, 0, 0, 0, 0]);

type Send = (packet: Buffer, to: SocketAddress) => void;

/**
 * An IPv4 packet with an empty UDP datagram from a port of this machine: the kernel fills in the address from which it
 * goes, the length and the checksum of the header (raw(7)); a UDP checksum of 0 stands for none (RFC 768).
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

/** Node has no raw sockets; the library that has is loaded only when the first packet is sent. */
const openSocket = async (): Promise<{ send: Send; close: () => void }> => {
  const libc = await openLibc();
  const fd = libc.rawSocket();
  return {
    send: (packet, to) => libc.sendRaw(fd, packet, hostOf(to) as Ip),
    close: () => closeSync(fd),
  };
};

/** Whether such packets can be sent there: the option is one of IPv4, where routers give ports away. */
export const canFade = (place: SocketAddress): boolean => familyOf(hostOf(place) as Ip) === 4;

export class FadingPackets {
  #socket: Promise<Awaited<ReturnType<typeof openSocket>> | undefined> | undefined;

  /** Sends one from the port at which WireGuard listens. Where that is not allowed nothing happens: it is only help. */
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
