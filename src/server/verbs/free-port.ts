/** A UDP port of this machine that nothing listens on. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const MAX_PORT = 65_535;

/** Of either family; one that this machine lacks does not count. */
const isFree = async (port: number): Promise<boolean> => {
  for (const type of ['udp4', 'udp6'] as const) {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    try {
      socket.bind(port);
      await once(socket, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    } finally {
      socket.close();
    }
  }
  return true;
};

/** The first one from `first` on, without those `taken` by what does not run now; undefined: there is none. */
export const freeUdpPort = async (first: number, taken: ReadonlySet<number>): Promise<number | undefined> => {
  for (let port = first; port <= MAX_PORT; port += 1)
    if (!taken.has(port) && (await isFree(port))) return port;
  return undefined;
};
