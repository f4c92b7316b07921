/**
 * The way to a network's server: connections that leave by the network's own device, or not at all. The routing table
 * may lead the server's address to somebody else's network: a LAN, another tunnel, a default route.
 */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { hostOf, portOf, type SocketAddress } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import type { Ip } from '../../values/ip.ts';
import type { PublicKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type Libc, openLibc } from '../../wireguard/libc.ts';
import { deviceKey } from '../../wireguard/tunnel.ts';

/** A connection on its way; `timeout` is how long it may be silent before it says so, in milliseconds. */
export type Connect = (to: SocketAddress, timeout?: number) => Socket;

/** The way as it is now. A connection stays with its device: it is dead once `device`, a number, is another one. */
export type Passage = { device: number; connect: Connect };

export interface Way {
  /** Throws a `Failure` where there is no way; then nothing leaves this machine. */
  open(): Promise<Passage>;
}

/** Names of the kernel's reasons why nothing leaves by a device. */
const NO_WAY: readonly unknown[] = ['ENODEV', 'ENETDOWN', 'ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL'];

/** Whether a connection failed before anything had left. */
export const hasNoWay = (error: unknown): boolean => NO_WAY.includes((error as { code?: unknown })?.code);

const networkDown = (network: InterfaceName, why: string, cause?: unknown): Failure =>
  new Failure(`the network ${network} is not up on this machine: ${why}`, {
    hint: `bring it up: innernet up ${network}`,
    cause,
  });

export class TunnelWay implements Way {
  readonly #network: InterfaceName;
  readonly #key: PublicKey;
  /** Of the device that was found to have the key. */
  #device = 0;

  /** `key` is the public key that the device must have: by it alone is it known to be this network's. */
  constructor(network: InterfaceName, key: PublicKey) {
    this.#network = network;
    this.#key = key;
  }

  async open(): Promise<Passage> {
    const libc = await openLibc();
    const device = libc.deviceIndex(this.#network);
    if (device === 0) throw networkDown(this.#network, 'there is no device of that name');
    if (!networkInterfaces()[this.#network])
      throw networkDown(this.#network, 'its device is down or has no address');
    if (device !== this.#device) await this.#requireOwn();
    this.#device = device;
    return { device, connect: (to, timeout) => this.#connect(libc, device, to, timeout) };
  }

  /** A device of that name may be anybody's. */
  async #requireOwn(): Promise<void> {
    if ((await deviceKey(this.#network)) === this.#key) return;
    throw networkDown(this.#network, 'the device of that name has another key than the conf');
  }

  #connect(libc: Libc, device: number, to: SocketAddress, timeout: number | undefined): Socket {
    try {
      const socket = socketOf(libc.socketThrough(this.#network, hostOf(to) as Ip));
      if (libc.deviceIndex(this.#network) !== device)
        return failing(new Error('the device was made anew'), socket);
      if (timeout !== undefined) socket.setTimeout(timeout);
      return socket.setNoDelay().connect(portOf(to), hostOf(to));
    } catch (error) {
      return failing(error as Error);
    }
  }
}

/** Node connects a socket that it did not make; `manualStart`: it must not read before that. */
const socketOf = (fd: number): Socket => {
  try {
    return new Socket({ fd, manualStart: true } as { fd: number });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};

/** A connection that fails as others do: later, when somebody listens. */
const failing = (error: Error, socket = new Socket()): Socket => {
  setImmediate(() => socket.destroy(error));
  return socket;
};
