/** Bytes as they go over a WebSocket, head and all: made once for all who get the same. */

const FIN_TEXT = 0x81;
/** Lengths up to here stand in the head's second byte; up to 65,535 in two bytes more, beyond that in eight. */
const SHORT = 125;
const LONG = 0xffff;

const headOf = (length: number): Buffer => {
  if (length <= SHORT) return Buffer.from([FIN_TEXT, length]);
  if (length <= LONG) return Buffer.from([FIN_TEXT, 126, length >> 8, length & 0xff]);
  const head = Buffer.from([FIN_TEXT, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
};

const known = new WeakMap<Buffer, Buffer>();

/** A whole unmasked text frame with this payload (RFC 6455, 5.2), as servers send it. */
export const framed = (payload: Buffer): Buffer => {
  const before = known.get(payload);
  if (before) return before;
  const frame = Buffer.concat([headOf(payload.length), payload]);
  known.set(payload, frame);
  return frame;
};
