/**
 * The API's listening socket, bound to the WireGuard device. Binding to the address alone would let anybody on the
 * underlay in: Linux takes a packet for any of its addresses through any device (weak host model, RFC 1122).
 */
import { closeSync } from 'node:fs';
import type { Server } from 'node:net';
import koffi from 'koffi';
import { endpointOf } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { familyOf, type Ip } from '../../values/ip.ts';
import { addressFamily, sockaddr } from '../../wireguard/sockaddr.ts';

/** Where the API listens: an address and port, and the only device through which it may be reached. */
export type ApiAddress = { device: string; ip: Ip; port: number };

/** Numbers of the Linux interface (asm-generic/socket.h, linux/in6.h). */
const LINUX = {
  SOCK_STREAM_CLOEXEC: 1 | 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_BINDTODEVICE: 25,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 26,
};
const BACKLOG = 511;

const load = () => {
  const libc = koffi.load(null);
  return {
    socket: libc.func('int socket(int family, int type, int protocol)'),
    setsockopt: libc.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
    getsockopt: libc.func(
      'int getsockopt(int fd, int level, int name, void *value, _Inout_ uint32_t *length)',
    ),
    bind: libc.func('int bind(int fd, const void *address, uint32_t length)'),
    listen: libc.func('int listen(int fd, int backlog)'),
    nametoindex: libc.func('uint32_t if_nametoindex(const char *name)'),
  };
};

let loaded: ReturnType<typeof load> | undefined;
const libc = () => {
  loaded ??= load();
  return loaded;
};

/** The kernel's number for a device, another one when it is made anew; 0 when there is none. */
export const deviceIndex = (device: string): number => libc().nametoindex(device);

const errorName = (): string =>
  Object.entries(koffi.os.errno).find(([, number]) => number === koffi.errno())?.[0] ??
  `errno ${koffi.errno()}`;

const trouble = ({ device, ip, port }: ApiAddress, step: string): Failure => {
  const code = errorName();
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
      return new Failure(`the API cannot listen on ${where} through ${device}: ${step} gave ${code}`);
  }
};

const int = (value: number): Buffer => Buffer.from(new Int32Array([value]).buffer);

/** The device that the kernel says a socket is bound to; '' for none. */
const boundDevice = (fd: number): string => {
  const name = Buffer.alloc(16);
  const length = [name.length];
  if (libc().getsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_BINDTODEVICE, name, length) !== 0) return '';
  return name.toString('latin1', 0, Math.max(0, (length[0] ?? 0) - 1));
};

const prepare = (fd: number, address: ApiAddress): void => {
  const { device, ip, port } = address;
  const check = (result: number, step: string): void => {
    if (result !== 0) throw trouble(address, step);
  };
  const set = (level: number, name: number, value: Buffer, step: string): void =>
    check(libc().setsockopt(fd, level, name, value, value.length), step);
  set(LINUX.SOL_SOCKET, LINUX.SO_BINDTODEVICE, Buffer.from(`${device}\0`), 'SO_BINDTODEVICE');
  set(LINUX.SOL_SOCKET, LINUX.SO_REUSEADDR, int(1), 'SO_REUSEADDR');
  if (familyOf(ip) === 6) set(LINUX.IPPROTO_IPV6, LINUX.IPV6_V6ONLY, int(1), 'IPV6_V6ONLY');
  if (boundDevice(fd) !== device) throw new Failure(`the kernel does not bind the API's socket to ${device}`);
  const bytes = sockaddr(ip, port);
  check(libc().bind(fd, bytes, bytes.length), 'bind');
  check(libc().listen(fd, BACKLOG), 'listen');
};

/** A listening TCP socket that only packets through the device reach. Throws a `Failure`; nothing stays open then. */
const openBoundSocket = (address: ApiAddress): number => {
  const fd: number = libc().socket(addressFamily(address.ip), LINUX.SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0) throw trouble(address, 'socket');
  try {
    prepare(fd, address);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};

/** Keeps a server listening through a device, also after the device was made anew under the same name. */
export class ApiSocket {
  readonly #server: Server;
  readonly #address: ApiAddress;
  /** Of the device that the socket is bound to: the kernel binds to the number, not to the name. */
  #index = 0;

  constructor(server: Server, address: ApiAddress) {
    this.#server = server;
    this.#address = address;
  }

  /** Throws a `Failure`: there is no other way to listen. */
  async open(): Promise<void> {
    const index = deviceIndex(this.#address.device);
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
   * To be called about once a second: listens anew when the device is another one than before. True if it did.
   * Throws the `Failure` of `open` while the new device is not ready; the next call tries again.
   */
  async follow(): Promise<boolean> {
    const index = deviceIndex(this.#address.device);
    if (index === this.#index) return false;
    if (this.#server.listening) this.#server.close();
    this.#index = 0;
    if (index !== 0) await this.open();
    return index !== 0;
  }

  /** Takes no more connections; those that are there stay. */
  close(): void {
    if (this.#server.listening) this.#server.close();
  }
}
