/**
 * JSON of a server that may lie: how much it can become in memory is measured before it is parsed. A limit on bytes that
 * bounds memory as well would be 16 MiB, which is less than a snapshot of 100,000 peers.
 */

/** Brackets and commas in a text: each may become a thing that takes tens of bytes. A peer's row has about a dozen. */
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

/** The longest list in a value, or in what its fields hold. */
const longestList = (value: unknown): number => {
  if (Array.isArray(value)) return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce(
    (longest: number, field) => (Array.isArray(field) ? Math.max(longest, field.length) : longest),
    0,
  );
};

/** The value, or undefined where the text is no JSON, or has more in it than `most` of anything. */
export const measuredJson = (body: Buffer, most: number): unknown => {
  if (!isBounded(body)) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    // A schema notes each wrong entry of a list: of too many not even the first is looked at.
    return longestList(value) > most ? undefined : value;
  } catch {
    return undefined;
  }
};
