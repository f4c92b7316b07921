/** libc calls that Node lacks: sockets bound to a device, and raw packets. */
import { closeSync } from 'node:fs';
import { lastError, openKoffi } from '../machine/koffi.ts';
import { familyOf, type Ip } from '../values/ip.ts';
import { EXIT_MARK } from './exit-routing.ts';
import { addressFamily, sockaddr } from './sockaddr.ts';

/** Constants of asm-generic/socket.h and linux/in6.h. */
const LINUX = {
  AF_INET: 2,
  SOCK_STREAM_CLOEXEC: 1 | 0o2000000,
  SOCK_DGRAM_CLOEXEC: 2 | 0o2000000,
  SOCK_RAW_CLOEXEC: 3 | 0o2000000,
  IPPROTO_UDP: 17,
  IPPROTO_RAW: 255,
  /** At the level IPPROTO_RAW: where the kernel writes the checksum. */
  IPV6_CHECKSUM: 7,
  MSG_DONTWAIT: 0x40,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_BINDTODEVICE: 25,
  SO_ATTACH_FILTER: 26,
  SO_MARK: 36,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 26,
};
const BACKLOG = 511;
/** Within a UDP header. */
const UDP_CHECKSUM_AT = 6;

/** One instruction of a classic BPF program: code, jumps if true and false, operand. */
export type FilterStep = readonly [code: number, jt: number, jf: number, k: number];

/** linux/filter.h: `struct sock_filter`. */
const filterBytes = (steps: readonly FilterStep[]): Buffer => {
  const words = steps.map(([code, jt, jf, k]) => {
    const bytes = Buffer.alloc(8);
    new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = code;
    bytes.writeUInt8(jt, 2);
    bytes.writeUInt8(jf, 3);
    new Uint32Array(bytes.buffer, bytes.byteOffset + 4, 1)[0] = k;
    return bytes;
  });
  return Buffer.concat(words);
};

/** A failed call; `code` is the kernel's name for the error, such as `ENODEV`. */
export class CallFailed extends Error {
  readonly call: string;
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call} gave ${code}`);
    this.call = call;
    this.code = code;
  }
}

const int = (value: number): Buffer => Buffer.from(new Int32Array([value]).buffer);

const load = () => {
  const koffi = openKoffi();
  const lib = koffi.load(null);
  const program = koffi.struct('sock_fprog', { len: 'uint16_t', filter: 'const void *' });
  const calls = {
    attachFilter: lib.func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(program), 'uint32_t']),
    recvfrom: lib.func(
      'intptr_t recvfrom(int fd, void *packet, uintptr_t size, int flags, void *address, _Inout_ uint32_t *length)',
    ),
    socket: lib.func('int socket(int family, int type, int protocol)'),
    setsockopt: lib.func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)'),
    getsockopt: lib.func(
      'int getsockopt(int fd, int level, int name, void *value, _Inout_ uint32_t *length)',
    ),
    bind: lib.func('int bind(int fd, const void *address, uint32_t length)'),
    listen: lib.func('int listen(int fd, int backlog)'),
    nametoindex: lib.func('uint32_t if_nametoindex(const char *name)'),
    sendto: lib.func(
      'intptr_t sendto(int fd, const void *packet, uintptr_t size, int flags, const void *address, uint32_t length)',
    ),
  };

  const check = (result: number, call: string): number => {
    if (result >= 0) return result;
    throw new CallFailed(call, lastError(koffi));
  };

  const set = (fd: number, level: number, name: number, value: Buffer, call: string): number =>
    check(calls.setsockopt(fd, level, name, value, value.length), call);

  /** The kernel's answer; '' for none. */
  const boundDevice = (fd: number): string => {
    const name = Buffer.alloc(16);
    const length = [name.length];
    check(calls.getsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_BINDTODEVICE, name, length), 'getsockopt');
    return name.toString('latin1', 0, Math.max(0, (length[0] ?? 0) - 1));
  };

  const bindToDevice = (fd: number, device: string): void => {
    const name = Buffer.from(`${device}\0`);
    set(fd, LINUX.SOL_SOCKET, LINUX.SO_BINDTODEVICE, name, 'SO_BINDTODEVICE');
    if (boundDevice(fd) !== device) throw new CallFailed('SO_BINDTODEVICE', 'ENODEV');
  };

  const through = (device: string, family: Ip, type: number): number => {
    const fd = check(calls.socket(addressFamily(family), type, 0), 'socket');
    try {
      bindToDevice(fd, device);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  };

  /** Packets go around an exit, if there is one; without the right to, nobody can have set one up. */
  const mark = (fd: number): number => {
    calls.setsockopt(fd, LINUX.SOL_SOCKET, LINUX.SO_MARK, int(EXIT_MARK), 4);
    return fd;
  };

  return {
    /** Another one after the device is made again; 0 without a device. */
    deviceIndex: (device: string): number => calls.nametoindex(device),

    /** A TCP socket for this device only, by the number that now has the name. Throws `CallFailed`. */
    socketThrough: (device: string, family: Ip): number => through(device, family, LINUX.SOCK_STREAM_CLOEXEC),

    /**
     * Takes a local port before `connect`. The kernel gives a port that `connect` chose for a bound socket to unbound
     * ones as well, and a handshake from the same port ends the older connection. Throws `CallFailed`.
     */
    holdPort: (fd: number, family: Ip): void => {
      const bytes = sockaddr((familyOf(family) === 4 ? '0.0.0.0' : '::') as Ip, 0);
      check(calls.bind(fd, bytes, bytes.length), 'bind');
    },

    /** Binds and listens. Throws `CallFailed`. */
    listenAt: (fd: number, ip: Ip, port: number): void => {
      set(fd, LINUX.SOL_SOCKET, LINUX.SO_REUSEADDR, int(1), 'SO_REUSEADDR');
      if (familyOf(ip) === 6) set(fd, LINUX.IPPROTO_IPV6, LINUX.IPV6_V6ONLY, int(1), 'IPV6_V6ONLY');
      const bytes = sockaddr(ip, port);
      check(calls.bind(fd, bytes, bytes.length), 'bind');
      check(calls.listen(fd, BACKLOG), 'listen');
    },

    /** A UDP socket at any port, whose packets go around an exit. Throws `CallFailed`. */
    datagramsAround: (family: Ip): number => {
      const fd = mark(check(calls.socket(addressFamily(family), LINUX.SOCK_DGRAM_CLOEXEC, 0), 'socket'));
      try {
        const bytes = sockaddr((familyOf(family) === 4 ? '0.0.0.0' : '::') as Ip, 0);
        check(calls.bind(fd, bytes, bytes.length), 'bind');
        return fd;
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    },

    /** A UDP socket for this device only, at that address. Throws `CallFailed`. */
    datagramsThrough: (device: string, ip: Ip, port: number): number => {
      const fd = through(device, ip, LINUX.SOCK_DGRAM_CLOEXEC);
      try {
        const bytes = sockaddr(ip, port);
        check(calls.bind(fd, bytes, bytes.length), 'bind');
        return fd;
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    },

    /**
     * Sends UDP from any port, and gets a copy of what the filter admits of all that arrives: IPv4 with its header,
     * IPv6 from the UDP header on. Throws `CallFailed` without the right to.
     */
    rawUdp: (family: Ip, filter: readonly FilterStep[]): number => {
      const fd = check(
        calls.socket(addressFamily(family), LINUX.SOCK_RAW_CLOEXEC, LINUX.IPPROTO_UDP),
        'socket',
      );
      try {
        const steps = { len: filter.length, filter: filterBytes(filter) };
        check(
          calls.attachFilter(fd, LINUX.SOL_SOCKET, LINUX.SO_ATTACH_FILTER, steps, koffi.sizeof(program)),
          'SO_ATTACH_FILTER',
        );
        if (familyOf(family) === 6)
          set(fd, LINUX.IPPROTO_RAW, LINUX.IPV6_CHECKSUM, int(UDP_CHECKSUM_AT), 'IPV6_CHECKSUM');
        return mark(fd);
      } catch (error) {
        closeSync(fd);
        throw error;
      }
    },

    /** The next packet and its sender's `sockaddr`; undefined without one. */
    receive: (fd: number, size: number): { packet: Buffer; address: Buffer } | undefined => {
      const [packet, address] = [Buffer.alloc(size), Buffer.alloc(28)];
      const length = Number(calls.recvfrom(fd, packet, size, LINUX.MSG_DONTWAIT, address, [address.length]));
      return length < 0 ? undefined : { packet: packet.subarray(0, length), address };
    },

    /** A socket for whole IPv4 packets. Throws `CallFailed` without the right to. */
    rawSocket: (): number =>
      mark(check(calls.socket(LINUX.AF_INET, LINUX.SOCK_RAW_CLOEXEC, LINUX.IPPROTO_RAW), 'socket')),

    /** Neither waits nor reports errors. */
    sendRaw: (fd: number, packet: Buffer, to: Ip): void => {
      const address = sockaddr(to, 0);
      calls.sendto(fd, packet, packet.length, LINUX.MSG_DONTWAIT, address, address.length);
    },
  };
};

export type Libc = ReturnType<typeof load>;

let loaded: Libc | undefined;

export const openLibc = (): Libc => {
  loaded ??= load();
  return loaded;
};
