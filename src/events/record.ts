/**
 * A record: one event with the exact bytes sealed into the hash chain. Format and test vectors:
 * docs/log-format.md.
 */
import type { Hash, Position } from '../values/id.ts';
import { NO_HASH } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';
import type { EventType, NetworkEvent } from './schema.ts';

/** The fields of a digest besides the salt, exactly as in the file. */
export type SealedFields = {
  /** Last position of the commit. */
  commitEnd: Position;
  id: string;
  commandId: string;
  type: EventType;
  recordedAt: Timestamp;
  /** JSON text. */
  actor: string;
  /** JSON text, without `type`. */
  body: string;
};

export type EventRecord = SealedFields & {
  position: Position;
  /** 16 random bytes, so that a digest tells nothing about its event. */
  salt: Uint8Array;
  digest: Hash;
  hash: Hash;
};

/** In lower-case hexadecimal; passed in, since this folder uses no Node. */
export type Sha256 = (bytes: Uint8Array) => Hash;

const CHAIN_VERSION = 1;

const utf8 = new TextEncoder();

const nibble = (code: number): number => (code < 58 ? code - 48 : code - 87);

const writeHex = (bytes: Uint8Array, start: number, hex: string): void => {
  for (let at = 0; at < hex.length; at += 2)
    bytes[start + at / 2] = nibble(hex.charCodeAt(at)) * 16 + nibble(hex.charCodeAt(at + 1));
};

/** The bytes of lower-case hexadecimal digits. */
export const fromHex = (hex: string): Uint8Array => {
  const bytes = new Uint8Array(hex.length / 2);
  writeHex(bytes, 0, hex);
  return bytes;
};

/** One buffer for all: an audit hashes a million records. */
let scratch = new Uint8Array(4096);

const scratchOf = (size: number): Uint8Array => {
  if (scratch.length < size) scratch = new Uint8Array(2 * size);
  return scratch;
};

/** A UTF-16 unit takes at most three bytes. */
const roomFor = (texts: readonly string[]): number =>
  texts.reduce((sum, text) => sum + 4 + 3 * text.length, 0);

/** u32 length ‖ UTF-8 bytes; returns the next offset. */
const writeText = (bytes: Uint8Array, at: number, text: string): number => {
  const { written } = utf8.encodeInto(text, bytes.subarray(at + 4));
  for (let index = 0; index < 4; index++) bytes[at + index] = written >>> (24 - 8 * index);
  return at + 4 + written;
};

/** SHA-256(salt ‖ for each sealed field: u32 length ‖ UTF-8 bytes), numbers as decimal text. */
export const digestOf = (fields: SealedFields, salt: Uint8Array, sha256: Sha256): Hash => {
  const { commitEnd, id, commandId, type, recordedAt, actor, body } = fields;
  const texts = [String(commitEnd), id, commandId, type, recordedAt, actor, body];
  const bytes = scratchOf(salt.length + roomFor(texts));
  bytes.set(salt);
  const end = texts.reduce((at, text) => writeText(bytes, at, text), salt.length);
  return sha256(bytes.subarray(0, end));
};

const linkBytes = new Uint8Array(1 + 32 + 8 + 32 + 32);
const linkView = new DataView(linkBytes.buffer);
linkBytes[0] = CHAIN_VERSION;

/**
 * SHA-256(u8 version ‖ network id ‖ u64 position ‖ previous hash ‖ digest), integers big-endian. At position
 * 1 network id and previous hash are 32 zero bytes; the first hash becomes the network id.
 */
export const chainHash = (
  link: { networkId: Hash; position: Position; previous: Hash; digest: Hash },
  sha256: Sha256,
): Hash => {
  const { position } = link;
  writeHex(linkBytes, 1, position === 1 ? NO_HASH : link.networkId);
  linkView.setUint32(33, Math.floor(position / 2 ** 32));
  linkView.setUint32(37, position);
  writeHex(linkBytes, 41, link.previous);
  writeHex(linkBytes, 73, link.digest);
  return sha256(linkBytes);
};

/** The JSON text of an event that goes into `body`: all but its type. */
export const bodyText = (event: NetworkEvent): string => {
  const { type: _, ...body } = event;
  return JSON.stringify(body);
};
