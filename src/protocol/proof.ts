/**
 * Proof by key: each call, answer and opening of a stream carries a MAC that only two WireGuard keys can make. The format
 * is described, with test vectors, in docs/proof-by-key.md. How it is spelled in headers: proof-header.ts.
 *
 * One call, at the client:   const sent = proveCall(keys, call, stamp, hashes);      // its header, its tag
 *                            const moment = checkAnswer(keys, sent.tag, answer, hashes); // undefined: it is nobody's
 *                            if (answer.status === 401 && !isTimely(stamp, moment)) // call once more, with that moment
 * The same, at the server:   const tag = checkCall(keys, call, proof, hashes);       // undefined: refuse it, unproved
 *                            if (!isTimely(proof, moment) || isUsed(proof.nonce)) // answer 401, proved
 *                            const header = proveAnswer(keys, tag, { status, encoding, moment, parts }, hashes);
 * A stream, both:            the upgrade is a call with the purpose `stream`, checked but not for its moment; frames.ts
 *                            has the two frames after it, `proveStream` and `isStreamProof` what they hold.
 */
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

/** What this folder is handed, since it knows no Node; both SHA-256. */
export type Hashes = {
  sha256: (bytes: Uint8Array) => Uint8Array;
  hmac: (key: Uint8Array, bytes: Uint8Array) => Uint8Array;
  /** Whether two lists of bytes of one length are equal, in a time that tells nothing of them. */
  equal: (left: Uint8Array, right: Uint8Array) => boolean;
};

/** The keys of one pair, one for each direction: whoever can check what the other says cannot be told it back. */
export type PairKeys = { readonly client: Uint8Array; readonly server: Uint8Array };

/** `redeem` is proved with the invitation's key and, as possession, with the new one. */
export type Purpose = 'call' | 'redeem' | 'stream';

export type Call = {
  purpose: Purpose;
  method: string;
  /** The request target as it is sent, query included. */
  target: string;
  /** Its bytes; none where there is no body. */
  body: Uint8Array;
};

/** An answer as it was received: the bytes that were on the wire, before they are unpacked. */
export type Answer = {
  /** `X-Innernet-Proof`, if it had one. */
  header: string | undefined;
  status: number;
  /** `Content-Encoding`; '' where there is none. */
  encoding: string;
  body: Uint8Array;
};

/** A piece of an answer whose hash is known; most have one. */
export type Part = { hash: Uint8Array; length: number };

/** How far a call's moment may be from the server's, in milliseconds. */
const TOLERANCE = 60_000;
/** A nonce is remembered for this long, in milliseconds: until no call that names it can be timely. */
export const NONCE_KEPT = 2 * TOLERANCE;
/** Bytes of a tag that are sent. */
const SHOWN = 16;

const LABEL = new TextEncoder().encode('innernet proof 1');
const DIRECTION = { client: 1, server: 2 } as const;

/**
 * The keys of a pair from its X25519 secret (HKDF, RFC 5869). Throws where the secret is zero, which it is for everybody
 * who uses a key of small order.
 */
export const pairKeys = (
  secret: Uint8Array,
  of: { client: PublicKey; server: PublicKey },
  { hmac }: Hashes,
): PairKeys => {
  if (secret.every((byte) => byte === 0)) throw new TypeError('a secret of zeros proves nothing');
  const prk = hmac(LABEL, secret);
  const expand = (direction: number): Uint8Array =>
    hmac(prk, joined([LABEL, [direction], keyBytes(of.client), keyBytes(of.server), [1]]));
  return { client: expand(DIRECTION.client), server: expand(DIRECTION.server) };
};

/** A call's header, and its whole tag, which its answer is checked by. `possession` are the keys of a redeem's new key. */
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

/** The whole tag of a call that was made with the client's key, whenever that was; undefined for any other. */
export const checkCall = (
  keys: PairKeys,
  call: Call,
  proof: CallProof,
  hashes: Hashes,
): Uint8Array | undefined => {
  const tag = callTag(keys.client, call, proof, hashes);
  return hashes.equal(shown(tag), proof.tag) ? tag : undefined;
};

/** Whether a redeem was made by somebody who has the new key too; `keys` are that key's. */
export const isPossessed = (keys: PairKeys, call: Call, proof: CallProof, hashes: Hashes): boolean =>
  proof.possession !== undefined &&
  hashes.equal(shown(callTag(keys.client, call, proof, hashes)), proof.possession);

/** Whether a call was made in this run of the server, about now. */
export const isTimely = ({ boot, at }: Pick<Stamp, 'boot' | 'at'>, now: Moment): boolean =>
  boot === now.boot && Math.abs(at - now.now) <= TOLERANCE;

/** An answer's header. `parts` follow one another on the wire; an answer without a body has one of no bytes. */
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

/** What the server's clock counts, by an answer to the call with this tag; undefined where the server did not make it. */
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
 * What either side's `proof` frame holds: with `keys.server` the server's, with `keys.client` the client's. `challenge` is
 * the text of the server's first frame, `tag` that of the upgrade.
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

const shown = (tag: Uint8Array): Uint8Array => tag.subarray(0, SHOWN);

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

/** The pieces of a body that an answer's header names the lengths of; undefined where they cannot be. */
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

/** T(field) for each: u32 length, big-endian ‖ the bytes, of a text in UTF-8. */
const sealed = (...fields: readonly (string | Uint8Array)[]): Uint8Array =>
  joined(
    fields.flatMap((field) => {
      const bytes = typeof field === 'string' ? utf8.encode(field) : field;
      return [u32(bytes.length), bytes];
    }),
  );

const u32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);

const joined = (pieces: readonly ArrayLike<number>[]): Uint8Array => {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
};
