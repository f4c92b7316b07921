/** Talks to other peers' programs through the tunnel: UDP at the own network address, bound to the device. */
import { createSocket, type Socket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { familyOf, type Ip } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openLibc } from '../../wireguard/libc.ts';
import { TalkMessage } from './talk-message.ts';

/** At each peer's network address; below the ports that systems give to programs. */
const TALK_PORT = 27_182;
const MAX_BYTES = 512;

/** WireGuard lets only the address's own peer send from it. */
type Heard = (from: Ip, message: TalkMessage) => void;

export class TunnelTalk {
  readonly #device: InterfaceName;
  readonly #ip: Ip;
  readonly #heard: Heard;
  #open: { socket: Socket; index: number } | undefined;
  #isClosed = false;

  constructor(device: InterfaceName, ip: Ip, heard: Heard) {
    this.#device = device;
    this.#ip = ip;
    this.#heard = heard;
  }

  /** Opens the socket, or opens it again: a device that is made again has another number. */
  async look(): Promise<void> {
    const libc = await openLibc();
    const index = libc.deviceIndex(this.#device);
    if (this.#isClosed || this.#open?.index === index) return;
    this.#open?.socket.close();
    this.#open = undefined;
    if (index === 0) return;
    const fd = libc.datagramsThrough(this.#device, this.#ip, TALK_PORT);
    try {
      this.#open = { socket: this.#adopt(fd), index };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** A message may be lost. */
  send(to: Ip, message: TalkMessage): void {
    this.#open?.socket.send(JSON.stringify(message), TALK_PORT, to, () => {});
  }

  close(): void {
    this.#isClosed = true;
    this.#open?.socket.close();
    this.#open = undefined;
  }

  #adopt(fd: number): Socket {
    const socket = createSocket(familyOf(this.#ip) === 4 ? 'udp4' : 'udp6');
    socket.on('error', () => {}); // the device went: the next look opens it again
    socket.on('message', (bytes, { address }) => this.#take(bytes, address as Ip));
    socket.bind({ fd });
    socket.unref();
    return socket;
  }

  #take(bytes: Buffer, from: Ip): void {
    if (bytes.length > MAX_BYTES) return;
    try {
      this.#heard(from, TalkMessage.parse(JSON.parse(bytes.toString())));
    } catch {
      // Another version's word.
    }
  }
}
