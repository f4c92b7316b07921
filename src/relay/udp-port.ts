/** Whether a program of this machine has a UDP port. */
import { readFileSync } from 'node:fs';

/** From Linux's table of sockets: the local port in hexadecimal after the address. */
export const isUdpPortOpen = (port: number): boolean => {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['/proc/net/udp', '/proc/net/udp6'].some((file) => {
    const lines = readFileSync(file, 'utf8').trim().split('\n').slice(1);
    return lines.some((line) => line.trim().split(/\s+/)[1]?.endsWith(end));
  });
};
