/**
 * The way to a network's server: connections that leave only by the network's device.
 * The routing table may lead elsewhere: to a LAN, another tunnel, a default route.
 */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { hostOf, portOf, type SocketAddress } from '../values/endpoint.ts';
import { Failure } from '../values/failure.ts';
import type { Ip } from '../values/ip.ts';
import type { PublicKey } from '../values/key.ts';
import type { InterfaceName } from '../values/name.ts';
import { type Libc, openLibc } from '../wireguard/libc.ts';
import { deviceKey } from '../wireguard/tunnel.ts';

/** `timeout`: idle time before the socket's timeout event, in milliseconds. */
export type Connect = (to: SocketAddress, timeout?: number) => Socket;

/** Connections are dead once the `device` number changes. */
export type Passage = { device: number; connect: Connect };

export interface Way {
  /** Throws a `Failure` without a way; then nothing leaves this machine. */
  open(): Promise<Passage>;
}

const NO_WAY: readonly unknown[] = ['ENODEV', 'ENETDOWN', 'ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL'];

/** Whether a connection failed before anything left. */
export const hasNoWay = (error: unknown): boolean => NO_WAY.includes((error as { code?: unknown })?.code);

const networkDown = (network: InterfaceName, why: string, cause?: unknown): Failure =>
  new Failure(`the network ${network} is not up on this machine: ${why}`, {
    hint: `bring it up: innernet up ${network}`,
    cause,
  });

export class TunnelWay implements Way {
  readonly #network: InterfaceName;
  readonly #key: PublicKey;
  /** The device that had the key. */
  #device = 0;

  /** `key`: the public key that identifies the network's device. */
  constructor(network: InterfaceName, key: PublicKey) {
    this.#network = network;
    this.#key = key;
  }

  async open(): Promise<Passage> {
    const libc = openLibc();
    const device = libc.deviceIndex(this.#network);
    if (device === 0) throw networkDown(this.#network, 'there is no device of that name');
    if (!networkInterfaces()[this.#network])
      throw networkDown(this.#network, 'its device is down or has no address');
    if (device !== this.#device) await this.#requireOwn();
    this.#device = device;
    return { device, connect: (to, timeout) => this.#connect(libc, device, to, timeout) };
  }

  /** Another program may own a device of that name. */
  async #requireOwn(): Promise<void> {
    if ((await deviceKey(this.#network)) === this.#key) return;
    throw networkDown(this.#network, 'the device of that name has another key than the conf');
  }

  #connect(libc: Libc, device: number, to: SocketAddress, timeout: number | undefined): Socket {
    try {
      const fd = libc.socketThrough(this.#network, hostOf(to) as Ip);
      const socket = socketOf(fd);
      libc.holdPort(fd, hostOf(to) as Ip);
      if (libc.deviceIndex(this.#network) !== device)
        return failing(new Error('the device was made anew'), socket);
      if (timeout !== undefined) socket.setTimeout(timeout);
      return socket.setNoDelay().connect(portOf(to), hostOf(to));
    } catch (error) {
      return failing(error as Error);
    }
  }
}

/** Node connects a foreign socket; `manualStart` prevents reading before that. */
const socketOf = (fd: number): Socket => {
  try {
    return new Socket({ fd, manualStart: true } as { fd: number });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};

/** Fails later, once it has listeners. */
const failing = (error: Error, socket = new Socket()): Socket => {
  setImmediate(() => socket.destroy(error));
  return socket;
};
