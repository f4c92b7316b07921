/**
 * Proofs in the header `X-Innernet-Proof`: fields between dots, in one spelling only.
 * Bytes are base64url without padding (a nonce has 12), numbers decimal without leading zeros.
 * call: BOOT.AT.NONCE.TAG, for a redeem .POSSESSION too; BOOT is empty and AT 0 if no boot is known
 * answer: BOOT.NOW.TAG, and .LENGTH for each part but the last
 */

/** Its name as Node reads it; on the wire it is `X-Innernet-Proof`. */
export const PROOF_HEADER = 'x-innernet-proof';

/** The server's clock: the run of its program, and milliseconds in it, never set back. */
export type Moment = { boot: string; now: number };

/** `at` is the client's estimate of the server's clock; `nonce` is new for each call. */
export type Stamp = { boot: string; at: number; nonce: string };

/** The proof of a call; tags are 16 bytes. */
export type CallProof = Stamp & { tag: Uint8Array; possession?: Uint8Array | undefined };

export type AnswerProof = Moment & { tag: Uint8Array; lengths: readonly number[] };

/** 16 bytes: the last character holds two bits, so it is one of four. */
const SIXTEEN = '[\\w-]{21}[AQgw]';
const NUMBER = '(?:0|[1-9]\\d{0,14})';

export const SIXTEEN_BYTES = new RegExp(`^${SIXTEEN}$`);
const CALL = new RegExp(`^(${SIXTEEN}|)\\.(${NUMBER})\\.([\\w-]{16})\\.(${SIXTEEN})(?:\\.(${SIXTEEN}))?$`);
const ANSWER = new RegExp(`^(${SIXTEEN})\\.(${NUMBER})\\.(${SIXTEEN})((?:\\.${NUMBER}){0,7})$`);

/** Base64url without padding. */
export const spell = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/** The bytes of a text that a pattern here has matched. */
export const unspell = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));

export const callHeader = ({ boot, at, nonce, tag, possession }: CallProof): string =>
  [boot, at, nonce, spell(tag), ...(possession ? [spell(possession)] : [])].join('.');

/** The proof of a call; undefined for any other text. */
export const parseCallHeader = (text: unknown): CallProof | undefined => {
  const [, boot = '', at = '', nonce = '', tag = '', possession] = matched(CALL, text);
  if (!tag) return undefined;
  const second = possession === undefined ? {} : { possession: unspell(possession) };
  return { boot, at: Number(at), nonce, tag: unspell(tag), ...second };
};

export const answerHeader = ({ boot, now, tag, lengths }: AnswerProof): string =>
  [boot, now, spell(tag), ...lengths].join('.');

export const parseAnswerHeader = (text: unknown): AnswerProof | undefined => {
  const [, boot = '', now = '', tag = '', lengths = ''] = matched(ANSWER, text);
  if (!tag) return undefined;
  return { boot, now: Number(now), tag: unspell(tag), lengths: lengths.split('.').slice(1).map(Number) };
};

const matched = (rule: RegExp, text: unknown): readonly (string | undefined)[] =>
  (typeof text === 'string' && rule.exec(text)) || [];
