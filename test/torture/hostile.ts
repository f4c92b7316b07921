// Hostile spellings of good things, thrown from a seed: bytes that are changed, values that no rule expects.

/** A number below another, from a seed. */
export type Dice = () => number;

export const below = (dice: Dice, count: number): number => Math.floor(dice() * count);

export const oneOf = <T>(dice: Dice, items: readonly T[]): T => {
  const item = items[below(dice, items.length)];
  if (item === undefined) throw new Error('there is nothing to choose from');
  return item;
};

/** Texts that broke somebody's program once. */
export const NASTY_TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  '\ud800',
  '\udfff\ud800',
  '\u202e',
  '\u001b[2J\u001b]0;owned\u0007',
  'a'.repeat(4_000),
  '../../etc/passwd',
  '%s%n%00',
  "'; DROP TABLE events; --",
  '{{constructor.constructor("return process")()}}',
  '$(reboot)',
  '`id`',
  '\r\nSet-Cookie: a=b',
  '__proto__',
  'constructor',
  'toString',
  'ａｎｎ',
  'xn--80ak6aa92e',
  '0.0.0.0/0',
  '::/0',
  '127.0.0.1',
  '255.255.255.255',
  '10.42.0.1/-1',
  '10.42.1.256',
  '010.042.001.002',
  '::ffff:10.42.0.1',
  'fe80::1%eth0',
  '[::]:0',
  '1.2.3.4:65536',
  'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  '=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
  '275760-09-13T00:00:00.001Z',
  '0000-00-00T00:00:00Z',
  '1e309',
  'NaN',
  'null',
];

const NASTY_NUMBERS: readonly number[] = [
  0,
  -0,
  -1,
  1,
  2,
  3,
  0.5,
  1e-320,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  2 ** 63,
  1e308,
  255,
  65536,
];

/** Any JSON value, more often of the kinds that hurt. */
export const nastyValue = (dice: Dice, depth = 2): unknown => {
  switch (below(dice, depth > 0 ? 9 : 6)) {
    case 0:
      return null;
    case 1:
      return dice() < 0.5;
    case 2:
      return oneOf(dice, NASTY_NUMBERS);
    case 3:
      return String.fromCharCode(...Array.from({ length: below(dice, 12) }, () => below(dice, 0x10000)));
    case 4:
    case 5:
      return oneOf(dice, NASTY_TEXTS);
    case 6:
      return Array.from({ length: below(dice, 4) }, () => nastyValue(dice, depth - 1));
    case 7:
      return Object.fromEntries(
        Array.from({ length: below(dice, 4) }, () => [oneOf(dice, NASTY_TEXTS), nastyValue(dice, depth - 1)]),
      );
    default:
      return JSON.parse(`{"__proto__":${JSON.stringify(nastyValue(dice, 0))}}`);
  }
};

type Json = { [key: string]: unknown } | unknown[];
const isTree = (value: unknown): value is Json => typeof value === 'object' && value !== null;

/** Every place in a tree that can be replaced: its holder and its key. */
const placesIn = (tree: Json): { holder: Json; key: string }[] =>
  Object.entries(tree).flatMap(([key, value]) => [
    { holder: tree, key },
    ...(isTree(value) ? placesIn(value) : []),
  ]);

/** A copy with a place or two changed, gone, doubled or swapped for another. */
export const spoiledTree = (dice: Dice, good: Json): unknown => {
  if (dice() < 0.03) return nastyValue(dice);
  const tree = structuredClone(good);
  for (let changes = dice() < 0.7 ? 1 : 3; changes > 0; changes -= 1) {
    const places = placesIn(tree);
    if (places.length === 0) return nastyValue(dice);
    const { holder, key } = oneOf(dice, places) as { holder: { [key: string]: unknown }; key: string };
    const other = oneOf(dice, places) as { holder: { [key: string]: unknown }; key: string };
    switch (below(dice, 6)) {
      case 0:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete holder[key];
        break;
      case 1:
        if (Array.isArray(holder)) holder.push(structuredClone(holder[Number(key)]));
        else holder[`${key}x`] = holder[key];
        break;
      case 2:
        holder[key] = structuredClone(other.holder[other.key]);
        break;
      default:
        holder[key] = nastyValue(dice);
    }
  }
  return tree;
};

/** A copy with some bytes changed, cut out, doubled or put in. */
export const spoiledBytes = (dice: Dice, good: Uint8Array): Buffer => {
  let bytes = Buffer.from(good);
  for (let changes = 1 + below(dice, 4); changes > 0; changes -= 1) {
    const at = below(dice, bytes.length + 1);
    const length = 1 + below(dice, dice() < 0.8 ? 4 : 64);
    switch (below(dice, 6)) {
      case 0:
        bytes = bytes.subarray(0, at);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      case 3: {
        const put = Buffer.from(Array.from({ length }, () => below(dice, 256)));
        bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at)]);
        break;
      }
      case 4: {
        const put = Buffer.from(
          oneOf(dice, [...NASTY_TEXTS, '"', '\n', '=', '[', '{', '\\u', '1e999', ',', '#']),
        );
        bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at)]);
        break;
      }
      default:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(dice, 8));
    }
  }
  return bytes;
};

/** JSON text of a spoiled tree, or the good one's with spoiled bytes; now and then doubled keys or endless depth. */
export const spoiledJson = (dice: Dice, good: Json): Buffer => {
  const chance = dice();
  if (chance < 0.6) return Buffer.from(JSON.stringify(spoiledTree(dice, good)) ?? '');
  if (chance < 0.95) return spoiledBytes(dice, Buffer.from(JSON.stringify(good)));
  const depth = 9 + below(dice, 3_000);
  if (chance < 0.97) return Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  const text = JSON.stringify(good);
  return Buffer.from(
    text.replace('{', `{${JSON.stringify(oneOf(dice, NASTY_TEXTS))}:1,${text.slice(1, -1)},`),
  );
};

/** How often what was tried. */
export class Tally {
  readonly counts = new Map<string, number>();

  add(what: string, more = 1): void {
    this.counts.set(what, this.of(what) + more);
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }
}
