/** UDP between programs through the tunnel: a socket at the own network address, bound to the device. */
import { createSocket, type Socket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { familyOf, type Ip } from '../values/ip.ts';
import type { InterfaceName } from '../values/name.ts';
import { openLibc } from './libc.ts';

export type TunnelPlace = { device: InterfaceName; ip: Ip; port: number };

/** WireGuard lets only the address's own peer send from it. */
type Heard = (from: Ip, text: string) => void;

export class TunnelDatagrams {
  readonly #place: TunnelPlace;
  readonly #heard: Heard;
  #open: { socket: Socket; index: number } | undefined;
  #isClosed = false;

  constructor(place: TunnelPlace, heard: Heard = () => {}) {
    this.#place = place;
    this.#heard = heard;
  }

  /** Opens the socket, or opens it again: a device that is made again has another number. Throws `CallFailed`. */
  look(): void {
    const { device, ip, port } = this.#place;
    const libc = openLibc();
    const index = libc.deviceIndex(device);
    if (this.#isClosed || this.#open?.index === index) return;
    this.#open?.socket.close();
    this.#open = undefined;
    if (index === 0) return;
    const fd = libc.datagramsThrough(device, ip, port);
    try {
      this.#open = { socket: this.#adopt(fd), index };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** To the same port there. A datagram may be lost. */
  send(to: Ip, text: string): void {
    this.#open?.socket.send(text, this.#place.port, to, () => {});
  }

  close(): void {
    this.#isClosed = true;
    this.#open?.socket.close();
    this.#open = undefined;
  }

  #adopt(fd: number): Socket {
    const socket = createSocket(familyOf(this.#place.ip) === 4 ? 'udp4' : 'udp6');
    socket.on('error', () => {}); // the device went: the next look opens it again
    socket.on('message', (bytes, { address }) => this.#heard(address as Ip, bytes.toString()));
    socket.bind({ fd });
    socket.unref();
    return socket;
  }
}
