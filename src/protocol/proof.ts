/**
 * Proof by key: a MAC in each call, answer and stream that only the holders of two WireGuard keys can make.
 * Format and test vectors: docs/proof-by-key.md; headers: proof-header.ts.
 * Client: `proveCall`, then `checkAnswer`; after a proved 401 with an untimely stamp once more, with the
 * server's moment.
 * Server: `checkCall`, then `isTimely` and an unused nonce, else a proved 401; then `proveAnswer`.
 * Stream: the upgrade is a call with the purpose `stream`, its moment unchecked; then `proveStream` and
 * `isStreamProof`.
 */
import { joinedBytes } from '../values/bytes.ts';
import { keyBytes, type PublicKey } from '../values/key.ts';
import {
  type AnswerProof,
  answerHeader,
  type CallProof,
  callHeader,
  type Moment,
  parseAnswerHeader,
  type Stamp,
  spell,
  unspell,
} from './proof-header.ts';

/** SHA-256 and HMAC with it, passed in, since this folder imports no Node. */
export type Hashes = {
  sha256: (bytes: Uint8Array) => Uint8Array;
  hmac: (key: Uint8Array, bytes: Uint8Array) => Uint8Array;
  /** Compares bytes of equal length in constant time. */
  equal: (left: Uint8Array, right: Uint8Array) => boolean;
};

/** One key per direction, against reflected messages. */
export type PairKeys = { readonly client: Uint8Array; readonly server: Uint8Array };

/** `redeem` is proved with the invitation's key and, as possession, the new key. */
export type Purpose = 'call' | 'redeem' | 'stream';

export type Call = {
  purpose: Purpose;
  method: string;
  /** The request target with its query. */
  target: string;
  body: Uint8Array;
};

/** An answer as received, before decompression. */
export type Answer = {
  header: string | undefined;
  status: number;
  /** `Content-Encoding`, or ''. */
  encoding: string;
  body: Uint8Array;
};

export type Part = { hash: Uint8Array; length: number };

/** Maximum difference between a call's time and the server's. */
const TOLERANCE_MS = 60_000;
/** How long a nonce is remembered: later no call with it is timely. */
export const NONCE_KEPT_MS = 2 * TOLERANCE_MS;
/** On the wire. */
const TAG_BYTES = 16;

const LABEL = new TextEncoder().encode('innernet proof 1');
const DIRECTION = { client: 1, server: 2 } as const;

/**
 * Derives a pair's keys from its X25519 secret (HKDF, RFC 5869). Throws a `TypeError` for a zero secret, the
 * result of any key of small order.
 */
export const pairKeys = (
  secret: Uint8Array,
  of: { client: PublicKey; server: PublicKey },
  { hmac }: Hashes,
): PairKeys => {
  if (secret.every((byte) => byte === 0)) throw new TypeError('a secret of zeros proves nothing');
  const prk = hmac(LABEL, secret);
  const expand = (direction: number): Uint8Array =>
    hmac(prk, joinedBytes([LABEL, [direction], keyBytes(of.client), keyBytes(of.server), [1]]));
  return { client: expand(DIRECTION.client), server: expand(DIRECTION.server) };
};

/** A call's header, and its whole tag to check the answer by. `possession`: keys of a redeem's new key. */
export const proveCall = (
  keys: PairKeys & { possession?: PairKeys },
  call: Call,
  stamp: Stamp,
  hashes: Hashes,
): { header: string; tag: Uint8Array } => {
  const tag = callTag(keys.client, call, stamp, hashes);
  const second = keys.possession && shown(callTag(keys.possession.client, call, stamp, hashes));
  return { header: callHeader({ ...stamp, tag: shown(tag), possession: second }), tag };
};

/** The whole tag of a call made with the client's key, at any time, or undefined. */
export const checkCall = (
  keys: PairKeys,
  call: Call,
  proof: CallProof,
  hashes: Hashes,
): Uint8Array | undefined => {
  const tag = callTag(keys.client, call, proof, hashes);
  return hashes.equal(shown(tag), proof.tag) ? tag : undefined;
};

/** Whether the caller of a redeem has the new key, which `keys` are of. */
export const isPossessed = (keys: PairKeys, call: Call, proof: CallProof, hashes: Hashes): boolean =>
  proof.possession !== undefined &&
  hashes.equal(shown(callTag(keys.client, call, proof, hashes)), proof.possession);

/** Whether a call was made in this run of the server, within the tolerance. */
export const isTimely = ({ boot, at }: Pick<Stamp, 'boot' | 'at'>, now: Moment): boolean =>
  boot === now.boot && Math.abs(at - now.now) <= TOLERANCE_MS;

/** An answer's header. `parts` are in wire order; an empty body is one part of no bytes. */
export const proveAnswer = (
  keys: PairKeys,
  tag: Uint8Array,
  answer: { status: number; encoding: string; moment: Moment; parts: readonly Part[] },
  hashes: Hashes,
): string => {
  const { moment, parts } = answer;
  const hashed = parts.map(({ hash }) => hash);
  const whole = answerTag(keys.server, tag, { ...answer, hashes: hashed }, hashes);
  return answerHeader({
    ...moment,
    tag: shown(whole),
    lengths: parts.slice(0, -1).map(({ length }) => length),
  });
};

/** The server's clock by its answer to the call with this tag; undefined if another made the answer. */
export const checkAnswer = (
  keys: PairKeys,
  tag: Uint8Array,
  { header, status, encoding, body }: Answer,
  hashes: Hashes,
): Moment | undefined => {
  const proof = parseAnswerHeader(header);
  const parts = proof && partsOf(body, proof);
  if (!parts) return undefined;
  const { boot, now } = proof;
  const told = { status, encoding, moment: { boot, now }, hashes: parts.map(hashes.sha256) };
  const whole = answerTag(keys.server, tag, told, hashes);
  return hashes.equal(shown(whole), proof.tag) ? { boot, now } : undefined;
};

/**
 * The tag of a `proof` frame: the server's with `keys.server`, the client's with `keys.client`. `challenge`
 * is the text of the server's first frame, `tag` the upgrade's.
 */
export const proveStream = (
  key: Uint8Array,
  tag: Uint8Array,
  challenge: Uint8Array,
  { hmac, sha256 }: Hashes,
): string => spell(shown(hmac(key, sealed('proof', tag, sha256(challenge)))));

export const isStreamProof = (
  frame: { tag: string },
  key: Uint8Array,
  [tag, challenge]: readonly [tag: Uint8Array, challenge: Uint8Array],
  hashes: Hashes,
): boolean => hashes.equal(unspell(frame.tag), unspell(proveStream(key, tag, challenge, hashes)));

const shown = (tag: Uint8Array): Uint8Array => tag.subarray(0, TAG_BYTES);

const callTag = (key: Uint8Array, call: Call, stamp: Stamp, { hmac, sha256 }: Hashes): Uint8Array => {
  const { purpose, method, target, body } = call;
  const { boot, at, nonce } = stamp;
  return hmac(key, sealed(purpose, method, target, boot, String(at), nonce, sha256(body)));
};

const answerTag = (
  key: Uint8Array,
  tag: Uint8Array,
  answer: { status: number; encoding: string; moment: Moment; hashes: readonly Uint8Array[] },
  { hmac }: Hashes,
): Uint8Array => {
  const { status, encoding, moment, hashes } = answer;
  const { boot, now } = moment;
  return hmac(key, sealed('answer', tag, String(status), encoding, boot, String(now), ...hashes));
};

/** Undefined if the body is too short for the lengths. */
const partsOf = (body: Uint8Array, { lengths }: AnswerProof): Uint8Array[] | undefined => {
  const parts: Uint8Array[] = [];
  let start = 0;
  for (const length of lengths) {
    parts.push(body.subarray(start, start + length));
    start += length;
  }
  return start <= body.length ? [...parts, body.subarray(start)] : undefined;
};

const utf8 = new TextEncoder();

/** T(field) for each: u32 length, big-endian ‖ the bytes, text as UTF-8. */
const sealed = (...fields: readonly (string | Uint8Array)[]): Uint8Array =>
  joinedBytes(
    fields.flatMap((field) => {
      const bytes = typeof field === 'string' ? utf8.encode(field) : field;
      return [u32(bytes.length), bytes];
    }),
  );

const u32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
