/** The API's listening socket, bound to the WireGuard device. */
import { closeSync } from 'node:fs';
import type { Server } from 'node:net';
import { endpointOf } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import type { Ip } from '../../values/ip.ts';
import { CallFailed, openLibc } from '../../wireguard/libc.ts';

export type ApiAddress = { device: string; ip: Ip; port: number };

const trouble = ({ device, ip, port }: ApiAddress, { call, code }: CallFailed): Failure => {
  const where = endpointOf(ip, port);
  switch (code) {
    case 'EADDRINUSE':
      return new Failure(`the API's TCP port ${port} on ${ip} is in use by another program`, {
        hint: `see which one: ss -ltnp 'sport = :${port}'`,
      });
    case 'EADDRNOTAVAIL':
      return new Failure(`the device ${device} does not have the address ${ip}`, {
        hint: `see what it has: ip address show ${device}`,
      });
    case 'ENODEV':
      return new Failure(`there is no network device ${device}`, { hint: 'see what there is: ip link' });
    case 'EPERM':
    case 'EACCES':
      return new Failure(`not allowed to listen on ${where} through ${device}`, {
        hint: 'run it as root, with sudo',
      });
    default:
      return new Failure(`the API cannot listen on ${where} through ${device}: ${call} gave ${code}`);
  }
};

/**
 * An address alone admits the underlay: Linux accepts packets for any of its addresses on any device (weak
 * host model, RFC 1122). Throws a `Failure`; nothing stays open then.
 */
const openBoundSocket = (address: ApiAddress): number => {
  const libc = openLibc();
  try {
    const fd = libc.socketThrough(address.device, address.ip);
    try {
      libc.listenAt(fd, address.ip, address.port);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  } catch (error) {
    throw error instanceof CallFailed ? trouble(address, error) : error;
  }
};

/** Also after the device was remade under the same name. */
export class ApiSocket {
  readonly #server: Server;
  readonly #address: ApiAddress;
  /** The kernel binds to the number, not to the name. */
  #index = 0;

  constructor(server: Server, address: ApiAddress) {
    this.#server = server;
    this.#address = address;
  }

  /** Throws a `Failure`: there is no other way to listen. */
  async open(): Promise<void> {
    const index = openLibc().deviceIndex(this.#address.device);
    const fd = openBoundSocket(this.#address);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ fd }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#index = index;
  }

  /**
   * Call about once a second; true if it listens on a remade device. Throws like `open` until that is ready.
   */
  async follow(): Promise<boolean> {
    const index = openLibc().deviceIndex(this.#address.device);
    if (index === this.#index) return false;
    if (this.#server.listening) this.#server.close();
    this.#index = 0;
    if (index !== 0) await this.open();
    return index !== 0;
  }

  /** Open connections stay. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}
