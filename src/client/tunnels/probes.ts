/**
 * Probes of the direct way: small packets from WireGuard's own port, by raw sockets, which exist during trials only.
 * WireGuard discards them: none of its messages begins so.
 */
import { closeSync } from 'node:fs';
import type { Token } from '../../protocol/talk-message.ts';
import { endpointOf, hostOf, portOf, SocketAddress } from '../../values/endpoint.ts';
import { familyOf, type Ip } from '../../values/ip.ts';
import { type FilterStep, type Libc, openLibc } from '../../wireguard/libc.ts';

const MAGIC = 0x696e_6e70; // "innp"
const KINDS = ['probe', 'answer'] as const;
export type ProbeKind = (typeof KINDS)[number];
/** Magic, kind, number, token. */
const BYTES = 22;
const UDP_HEADER_BYTES = 8;
/** With an IPv4 header and its options. */
const MAX_BYTES = 128;
const MAX_AT_ONCE = 50;
/** In ms: Node cannot wait for raw sockets. */
const LOOK_EVERY_MS = 4;
const OPEN_FOR_MS = 4000;

const ANY4 = '0.0.0.0' as Ip;
const ANY6 = '::' as Ip;

/** UDP to that port that begins with the magic word; IPv4 has its header before it (linux/bpf_common.h). */
const filterOf = (family: 4 | 6, port: number): FilterStep[] => {
  const [start, half, word]: [FilterStep[], number, number] =
    family === 4 ? [[[0xb1, 0, 0, 0]], 0x48, 0x40] : [[], 0x28, 0x20];
  return [
    ...start,
    [half, 0, 0, 2],
    [0x15, 0, 3, port],
    [word, 0, 0, UDP_HEADER_BYTES],
    [0x15, 0, 1, MAGIC],
    [0x06, 0, 0, MAX_BYTES],
    [0x06, 0, 0, 0],
  ];
};

const datagramOf = (
  fromPort: number,
  to: SocketAddress,
  kind: ProbeKind,
  token: Token,
  number: number,
): Buffer => {
  const datagram = Buffer.alloc(UDP_HEADER_BYTES + BYTES);
  datagram.writeUInt16BE(fromPort, 0);
  datagram.writeUInt16BE(portOf(to), 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.writeUInt32BE(MAGIC, 8);
  datagram.writeUInt8(KINDS.indexOf(kind), 12);
  datagram.writeUInt8(number, 13);
  datagram.write(token, 14, 'base64url');
  return datagram;
};

export type HeardProbe = { kind: ProbeKind; token: Token; number: number; from: SocketAddress };

/** Undefined for what is no probe. */
const heardOf = (family: 4 | 6, packet: Buffer, address: Buffer): HeardProbe | undefined => {
  const header = family === 4 ? ((packet[0] ?? 0) & 15) * 4 : 0;
  const datagram = packet.subarray(header);
  const kind = KINDS[datagram[12] ?? KINDS.length];
  if (!kind || datagram.length < UDP_HEADER_BYTES + BYTES) return undefined;
  const host = family === 4 ? packet.subarray(12, 16).join('.') : textOf6(address.subarray(8, 24));
  const from = SocketAddress.safeParse(endpointOf(host, datagram.readUInt16BE(0))).data;
  const token = datagram.subarray(14, 14 + 16).toString('base64url') as Token;
  return from && { kind, token, number: datagram[13] ?? 0, from };
};

const textOf6 = (bytes: Buffer): string => (bytes.toString('hex').match(/.{4}/g) ?? []).join(':');

export class Probes {
  readonly #heard: (probe: HeardProbe) => void;
  #libc: Libc | undefined;
  #port = 0;
  #sockets: { family: 4 | 6; fd: number }[] = [];
  #looking: NodeJS.Timeout | undefined;
  #closeAt = 0;

  constructor(heard: (probe: HeardProbe) => void) {
    this.#heard = heard;
  }

  /** Whether this machine gives the right to; call it before all else. */
  async isAllowed(): Promise<boolean> {
    try {
      this.#libc = await openLibc();
      closeSync(this.#libc.rawUdp(ANY4, filterOf(4, 0)));
      return true;
    } catch {
      return false;
    }
  }

  /** Hears what arrives at WireGuard's port for some seconds. */
  listen(port: number): void {
    this.#closeAt = performance.now() + OPEN_FOR_MS;
    if (this.#port === port && this.#sockets.length > 0) return;
    this.close();
    this.#port = port;
    for (const any of [ANY4, ANY6]) this.#open(any);
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Reports no error: a probe that is lost is an answer too. */
  send(kind: ProbeKind, to: SocketAddress, token: Token, number: number): void {
    const host = hostOf(to) as Ip;
    const socket = this.#sockets.find(({ family }) => family === familyOf(host));
    if (socket) this.#libc?.sendRaw(socket.fd, datagramOf(this.#port, to, kind, token, number), host);
  }

  close(): void {
    clearInterval(this.#looking);
    for (const { fd } of this.#sockets) closeSync(fd);
    this.#sockets = [];
  }

  /** A machine without IPv6 probes by IPv4 alone. */
  #open(any: Ip): void {
    const family = familyOf(any);
    try {
      const fd = this.#libc?.rawUdp(any, filterOf(family, this.#port));
      if (fd !== undefined) this.#sockets.push({ family, fd });
    } catch {
      // The pair stays relayed.
    }
  }

  #look(): void {
    if (performance.now() > this.#closeAt) this.close();
    for (const { family, fd } of [...this.#sockets])
      for (let count = 0; count < MAX_AT_ONCE; count += 1) {
        const received = this.#libc?.receive(fd, MAX_BYTES);
        if (!received) break;
        const probe = heardOf(family, received.packet, received.address);
        if (probe) this.#heard(probe);
      }
  }
}
