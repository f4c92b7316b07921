/** Addresses in the form of the kernel's socket calls. */
import { familyOf, fullPrefix, type Ip, toNumber } from '../values/ip.ts';

/** Constants of bits/socket.h. */
const AF_INET = 2;
const AF_INET6 = 10;

/** The kernel's number for the address family of an address. */
export const addressFamily = (ip: Ip): number => (familyOf(ip) === 4 ? AF_INET : AF_INET6);

/** The `sockaddr_in` or `sockaddr_in6` of an address and port. */
export const sockaddr = (ip: Ip, port: number): Buffer => {
  const family = familyOf(ip);
  const bytes = Buffer.alloc(family === 4 ? 16 : 28);
  new Uint16Array(bytes.buffer, bytes.byteOffset, 1)[0] = addressFamily(ip);
  bytes.writeUInt16BE(port, 2);
  const digits = toNumber(ip)
    .toString(16)
    .padStart(fullPrefix(family) / 4, '0');
  bytes.write(digits, family === 4 ? 4 : 8, 'hex');
  return bytes;
};
