/** WireGuard's messages by their first bytes, without a key. Source: the WireGuard paper, section 5.4. */

/** Indices are as read in network byte order, the order in which nftables reads them too. */
export type Message =
  | { kind: 'initiation'; sender: number }
  | { kind: 'response'; sender: number; receiver: number }
  | { kind: 'cookie'; receiver: number }
  | { kind: 'data'; receiver: number };

const INITIATION_BYTES = 148;
const RESPONSE_BYTES = 92;
const COOKIE_BYTES = 64;
/** An empty one: header and tag. */
const MIN_DATA_BYTES = 32;

/** Undefined: no message of WireGuard's. */
export const messageIn = (packet: Uint8Array): Message | undefined => {
  if (packet[1] !== 0 || packet[2] !== 0 || packet[3] !== 0) return undefined;
  const { length } = packet;
  switch (packet[0]) {
    case 1:
      return length === INITIATION_BYTES ? { kind: 'initiation', sender: word(packet, 4) } : undefined;
    case 2:
      if (length !== RESPONSE_BYTES) return undefined;
      return { kind: 'response', sender: word(packet, 4), receiver: word(packet, 8) };
    case 3:
      return length === COOKIE_BYTES ? { kind: 'cookie', receiver: word(packet, 4) } : undefined;
    case 4:
      return length >= MIN_DATA_BYTES ? { kind: 'data', receiver: word(packet, 4) } : undefined;
    default:
      return undefined;
  }
};

const word = (packet: Uint8Array, at: number): number =>
  (((packet[at] ?? 0) << 24) |
    ((packet[at + 1] ?? 0) << 16) |
    ((packet[at + 2] ?? 0) << 8) |
    (packet[at + 3] ?? 0)) >>>
  0;
