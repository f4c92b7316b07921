/**
 * JSON from an untrusted server: its memory use is estimated before parsing.
 * A byte limit that also bounds memory would be 16 MiB, less than a snapshot of 100,000 peers.
 */

/** Brackets and commas: each may become an object of tens of bytes. A peer's row has about a dozen. */
const MAX_THINGS = 5_000_000;

const COMMA = ','.charCodeAt(0);
const BRACKET = '['.charCodeAt(0);
const BRACE = '{'.charCodeAt(0);

const isBounded = (text: Uint8Array): boolean => {
  let things = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at];
    if (byte === COMMA || byte === BRACE || byte === BRACKET) things += 1;
  }
  return things <= MAX_THINGS;
};

const longestList = (value: unknown): number => {
  if (Array.isArray(value)) return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce(
    (longest: number, field) => (Array.isArray(field) ? Math.max(longest, field.length) : longest),
    0,
  );
};

/** Undefined for no JSON, too much, or a list longer than `most`. */
export const measuredJson = (body: Buffer, most: number): unknown => {
  if (!isBounded(body)) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    // A schema reports every wrong entry of a list.
    return longestList(value) > most ? undefined : value;
  } catch {
    return undefined;
  }
};
