/**
 * How proofs are spelled in the header `X-Innernet-Proof`, in one way only: fields between dots, bytes in base64url
 * without padding (16 bytes are 22 characters, a nonce of 12 is 16), numbers in decimal without leading zeros.
 *
 *     a call      BOOT.AT.NONCE.TAG, for a redeem .POSSESSION after it; where no boot is known, BOOT is empty and AT 0
 *     an answer   BOOT.NOW.TAG, and .LENGTH for each of its parts but the last
 */

/** Its name as Node reads it; on the wire it is `X-Innernet-Proof`. */
export const PROOF_HEADER = 'x-innernet-proof';

/** The server's clock: which run of its program, and milliseconds since some moment of that run, never set back. */
export type Moment = { boot: string; now: number };

/** What makes a call one of a kind. `at` is what the client thinks that the server's clock says; `nonce` is new each time. */
export type Stamp = { boot: string; at: number; nonce: string };

/** What a call shows; the tags as their 16 bytes. */
export type CallProof = Stamp & { tag: Uint8Array; possession?: Uint8Array | undefined };

export type AnswerProof = Moment & { tag: Uint8Array; lengths: readonly number[] };

/** 16 bytes: the last character holds two bits, so that it has four spellings alone. */
const SIXTEEN = '[\\w-]{21}[AQgw]';
const NUMBER = '(?:0|[1-9]\\d{0,14})';

export const SIXTEEN_BYTES = new RegExp(`^${SIXTEEN}$`);
const CALL = new RegExp(`^(${SIXTEEN}|)\\.(${NUMBER})\\.([\\w-]{16})\\.(${SIXTEEN})(?:\\.(${SIXTEEN}))?$`);
const ANSWER = new RegExp(`^(${SIXTEEN})\\.(${NUMBER})\\.(${SIXTEEN})((?:\\.${NUMBER}){0,7})$`);

/** Bytes in base64url without padding. */
export const spell = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');

/** The bytes of a text that one of the rules here has accepted. */
export const unspell = (text: string): Uint8Array =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0));

export const callHeader = ({ boot, at, nonce, tag, possession }: CallProof): string =>
  [boot, at, nonce, spell(tag), ...(possession ? [spell(possession)] : [])].join('.');

/** What a call shows, or undefined where the text is no such header. */
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
