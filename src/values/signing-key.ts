/** Ed25519 keys that sign what admins do: not WireGuard's, which is of another curve and lives in the kernel. */
import * as z from 'zod';
import { keyBytes, keyHex, keyText, SPELLING } from './key.ts';

/**
 * The y coordinates of points of small order, little-endian hexadecimal without the sign: OpenSSL takes forged signatures
 * under them. Source: libsodium, `ge25519_has_small_order` in `ed25519_ref10.c`.
 */
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** The prime 2^255 - 19 is this byte, then 30 of 0xff, then 0x7f. */
const PRIME_FIRST = 0xed;

/** y is the key without its highest bit, which is the sign of x (RFC 8032, section 5.1.2). */
const yBytes = (key: string): Uint8Array => {
  const bytes = keyBytes(key);
  bytes[31] = (bytes[31] ?? 0) & 0x7f;
  return bytes;
};

const isBelowPrime = (y: Uint8Array): boolean =>
  y[31] !== 0x7f || y.subarray(1, 31).some((byte) => byte !== 0xff) || (y[0] ?? 0) < PRIME_FIRST;

/** A public key in its one spelling, not of small order: anybody could sign under it. */
export const SigningKey = z
  .string()
  .regex(SPELLING, 'a signing key is 32 bytes in base64: 44 characters, ending in "="')
  .refine((text) => isBelowPrime(yBytes(text)), { error: 'this signing key has another spelling' })
  .refine((text) => !SMALL_ORDER.has(keyHex(keyText(yBytes(text)))), {
    error: 'this signing key is of small order: anybody could sign under it',
  })
  .brand<'SigningKey'>();
export type SigningKey = z.infer<typeof SigningKey>;

/** 64 bytes in base64url. */
export const Signature = z
  .string()
  .regex(/^[A-Za-z0-9_-]{85}[AQgw]$/, 'a signature is 64 bytes in base64url: 86 characters')
  .brand<'Signature'>();
export type Signature = z.infer<typeof Signature>;
