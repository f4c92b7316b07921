/** WireGuard keys: 32 bytes of Curve25519 in base64. */
import * as z from 'zod';

/** 32 bytes in base64, in their one spelling. */
export const SPELLING = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** The 32 bytes of a valid key. */
export const keyBytes = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0));

/** Base64 of 32 bytes: 44 characters, one spelling only. */
export const keyText = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

/** A key in lower-case hexadecimal, for WireGuard's userspace API. */
export const keyHex = (text: string): string =>
  Array.from(keyBytes(text), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The key of 64 hexadecimal digits. */
export const keyFromHex = (hex: string): string =>
  keyText(Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));

/**
 * Points of small order and their non-canonical twins, little-endian hexadecimal, top bit cleared: a secret
 * made with one is zero. Source: libsodium, `x25519_ref10.c`.
 */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];
/** Curve25519 ignores this bit. */
const withTopBit = (hex: string): string =>
  `${hex.slice(0, -2)}${(Number.parseInt(hex.slice(-2), 16) | 0x80).toString(16)}`;

/** As text, since a key has one spelling. */
const SMALL_ORDER_KEYS = new Set(SMALL_ORDER.flatMap((hex) => [hex, withTopBit(hex)]).map(keyFromHex));

/** A public key in its one spelling, not of small order (its secret would be zero). */
export const PublicKey = z
  .string()
  .regex(SPELLING, 'a key is 32 bytes in base64: 44 characters, ending in "="')
  .refine((text) => !SMALL_ORDER_KEYS.has(text), {
    error: 'this key is of small order: it protects nothing',
  })
  .brand<'PublicKey'>();
export type PublicKey = z.infer<typeof PublicKey>;

/** The first ten characters: enough for people. */
export const shortKey = (key: PublicKey): string => `${key.slice(0, 10)}…`;

/** Leaves out what could be (part of) a key: the sentence may quote a damaged conf. */
export const withoutKeys = (sentence: string): string => sentence.replace(/[A-Za-z0-9+/=_]{16,}/g, '…');

/** Only `reveal()` shows the key; printing, logging and JSON say "(private key)". */
export class PrivateKey {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Takes base64. Throws a `TypeError` that does not repeat the text. */
  static parse(text: unknown): PrivateKey {
    if (typeof text !== 'string' || !SPELLING.test(text))
      throw new TypeError('a private key is 32 bytes in base64');
    return new PrivateKey(text);
  }

  /** Clamps 32 random bytes (RFC 7748, section 5). */
  static fromRandom(random: Uint8Array): PrivateKey {
    if (random.length !== 32) throw new TypeError('a private key is made of 32 bytes');
    const bytes = Uint8Array.from(random);
    bytes[0] = (bytes[0] ?? 0) & 248;
    bytes[31] = ((bytes[31] ?? 0) & 127) | 64;
    return new PrivateKey(keyText(bytes));
  }

  /** For a file of mode 0600, the kernel or WireGuard's socket only. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '(private key)';
  }

  toJSON(): string {
    return '(private key)';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '(private key)';
  }
}
