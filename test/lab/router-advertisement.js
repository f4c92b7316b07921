// A router that tells all hosts on its link of an IPv6 prefix, once: they take addresses in it, and a route to it.
// @ts-check
//
// Arguments: the device, the prefix as an address, its length.
import { networkInterfaces } from 'node:os';
import koffi from 'koffi';

const [device = '', prefix = '', length = '64'] = process.argv.slice(2);

/** Numbers of the Linux interface (bits/socket.h, linux/in6.h). */
const LINUX = { AF_INET6: 10, SOCK_RAW: 3, IPPROTO_ICMPV6: 58, IPPROTO_IPV6: 41, MULTICAST_IF: 17, HOPS: 18 };

const libc = koffi.load(null);
const socket = libc.func('int socket(int family, int type, int protocol)');
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
);
const nametoindex = libc.func('uint32_t if_nametoindex(const char *name)');
const sendto = libc.func(
  'intptr_t sendto(int fd, const void *packet, uintptr_t size, int flags, const void *to, uint32_t length)',
);

/** The 16 bytes of an address, as the kernel writes them. @param {string} ip */
const bytesOf = (ip) => {
  const [head = '', tail] = ip.split('::');
  const left = head.split(':').filter(Boolean);
  const right = (tail ?? '').split(':').filter(Boolean);
  const groups = [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
};

// RFC 4861, 4.2 and 4.6.2: type 134, a router for no default route, one prefix that is on the link and to be used.
const advertisement = Buffer.from([134, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const option = Buffer.concat([
  Buffer.from([3, 4, Number(length), 0xc0, 0, 1, 0x51, 0x80, 0, 0, 0x38, 0x40, 0, 0, 0, 0]),
  bytesOf(prefix),
]);
const index = nametoindex(device);
const to = Buffer.alloc(28);
to.writeUInt16LE(LINUX.AF_INET6, 0);
bytesOf('ff02::1').copy(to, 8);
to.writeUInt32LE(index, 24);

const fd = socket(LINUX.AF_INET6, LINUX.SOCK_RAW, LINUX.IPPROTO_ICMPV6);
const int = (/** @type {number} */ value) => Buffer.from(new Int32Array([value]).buffer);
setsockopt(fd, LINUX.IPPROTO_IPV6, LINUX.MULTICAST_IF, int(index), 4);
setsockopt(fd, LINUX.IPPROTO_IPV6, LINUX.HOPS, int(255), 4);
const packet = Buffer.concat([advertisement, option]);
const sent = Number(sendto(fd, packet, packet.length, 0, to, to.length));
if (sent !== packet.length) throw new Error(`not sent: ${Object.keys(networkInterfaces()).join(', ')}`);
