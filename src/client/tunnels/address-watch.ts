/** Notices within two seconds when this machine's addresses, route to the server or tunnel device change. */
import { createSocket, type Socket } from 'node:dgram';
import { hostOf, portOf, type SocketAddress } from '../../values/endpoint.ts';
import { familyOf, type Ip } from '../../values/ip.ts';
import { openLibc } from '../../wireguard/libc.ts';
import type { LocalAddress } from '../../wireguard/routes.ts';

const LOOK_EVERY_MS = 2000;

export type Look = {
  addresses: () => readonly LocalAddress[];
  server: () => SocketAddress | undefined;
  /** The kernel's number; 0 for none. */
  device: () => Promise<number>;
  /** Gone or replaced. */
  onDevice: () => void;
  /** `moved`: the source address changed, or the network is back. */
  onChange: (change: { moved: boolean }) => void;
};

export class AddressWatch {
  readonly #look: Look;
  #addresses: string;
  /** Towards the server; undefined before the first look, null: none. */
  #source: string | null | undefined;
  #device: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(look: Look) {
    this.#look = look;
    this.#addresses = spelt(look.addresses());
    void this.#again();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #again(): Promise<void> {
    const server = this.#look.server();
    const source = server && (await sourceTowards(server));
    const device = await this.#look.device();
    if (this.#isClosed) return;
    const addresses = spelt(this.#look.addresses());
    const moved = typeof source === 'string' && this.#source !== undefined && source !== this.#source;
    const changed = addresses !== this.#addresses;
    this.#addresses = addresses;
    if (source !== undefined) this.#source = source;
    const isOther = this.#device !== undefined && device !== this.#device;
    this.#device = device;
    this.#timer = setTimeout(() => void this.#again(), LOOK_EVERY_MS);
    if (isOther) this.#look.onDevice();
    if (moved || changed) this.#look.onChange({ moved });
  }
}

const spelt = (addresses: readonly LocalAddress[]): string =>
  addresses
    .map(({ device, ip }) => `${device} ${ip}`)
    .sort()
    .join('\n');

/** The source of WireGuard's packets to `server`, which go around an exit; null without a route. Sends nothing. */
const sourceTowards = (server: SocketAddress): Promise<string | null> =>
  new Promise((resolve) => {
    const host = hostOf(server);
    const socket = aroundExits(host as Ip);
    const done = (source: string | null): void => {
      socket.close();
      resolve(source);
    };
    socket.once('error', () => done(null));
    socket.connect(portOf(server), host, () => done(socket.address().address));
  });

const aroundExits = (host: Ip): Socket => {
  const socket = createSocket(familyOf(host) === 4 ? 'udp4' : 'udp6');
  try {
    socket.bind({ fd: openLibc().datagramsAround(host) });
  } catch {
    // Without libc's calls there is no exit either.
  }
  return socket;
};
