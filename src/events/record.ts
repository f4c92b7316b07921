/**
 * A record: one event as the log keeps it, with the exact bytes that are sealed into the hash chain. The format
 * is described, with test vectors, in docs/log-format.md.
 */
import type { Hash, Position } from '../values/id.ts';
import { NO_HASH } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import type { EventType, NetworkEvent } from './schema.ts';

/** What a digest covers besides the salt; texts exactly as they stand in the file. */
export type SealedFields = {
  /** Position of the last record of the commit that this one belongs to. */
  commitEnd: Position;
  /** ULID of the record. */
  id: string;
  commandId: string;
  type: EventType;
  recordedAt: Timestamp;
  /** The actor as JSON text. */
  actor: string;
  /** The event without its `type`, as JSON text. */
  body: string;
};

/** One row of the log. */
export type EventRecord = SealedFields & {
  position: Position;
  /** 16 random bytes: they keep a digest from telling anything about an event to who may not see it. */
  salt: Uint8Array;
  digest: Hash;
  hash: Hash;
};

/** SHA-256 of the concatenated parts; handed in, because this folder knows no Node. */
export type Sha256 = (...parts: Uint8Array[]) => Uint8Array;

/** First byte of every link; a later way of sealing gets another. */
const CHAIN_VERSION = 1;

const utf8 = new TextEncoder();

export const toHex = (bytes: Uint8Array): Hash =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') as Hash;

export const fromHex = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const lengthPrefixed = (text: string): [Uint8Array, Uint8Array] => {
  const bytes = utf8.encode(text);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return [length, bytes];
};

/** SHA-256(salt ‖ for each sealed field: u32 length ‖ UTF-8 bytes), numbers as decimal text. */
export const digestOf = (fields: SealedFields, salt: Uint8Array, sha256: Sha256): Hash => {
  const { commitEnd, id, commandId, type, recordedAt, actor, body } = fields;
  const texts = [String(commitEnd), id, commandId, type, recordedAt, actor, body];
  return toHex(sha256(salt, ...texts.flatMap(lengthPrefixed)));
};

/**
 * SHA-256(u8 version ‖ network id ‖ u64 position ‖ previous hash ‖ digest), integers big-endian. At position 1
 * network id and previous hash are 32 zero bytes; the hash of position 1 is the network id from then on.
 */
export const chainHash = (
  link: { networkId: Hash; position: Position; previous: Hash; digest: Hash },
  sha256: Sha256,
): Hash => {
  const head = new Uint8Array(1 + 32 + 8);
  head[0] = CHAIN_VERSION;
  head.set(fromHex(link.position === 1 ? NO_HASH : link.networkId), 1);
  new DataView(head.buffer).setBigUint64(33, BigInt(link.position));
  return toHex(sha256(head, fromHex(link.previous), fromHex(link.digest)));
};

/** The JSON text of an event that goes into `body`: all but its type. */
export const bodyText = (event: NetworkEvent): string => {
  const { type: _, ...body } = event;
  return JSON.stringify(body);
};
