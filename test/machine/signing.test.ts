// Signatures are Ed25519's, and no key under which anybody could sign is taken.
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSignedBy, SigningSecret } from '../../src/machine/signing.ts';
import { Signature, SigningKey } from '../../src/values/signing-key.ts';

const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const base64 = (of: Uint8Array): string => Buffer.from(of).toString('base64');
const url = (of: Uint8Array): Signature => Buffer.from(of).toString('base64url') as Signature;

describe('a signature', () => {
  it('is what noble makes and takes, with the key that it derives', () => {
    fc.assert(
      fc.property(bytes(32), fc.uint8Array({ maxLength: 200 }), (seed, message) => {
        const secret = new SigningSecret(seed);
        const signature = secret.sign(message);
        expect(secret.publicKey).toBe(base64(ed25519.getPublicKey(seed)));
        expect(SigningKey.safeParse(secret.publicKey).success).toBe(true);
        expect(Signature.parse(signature)).toBe(url(ed25519.sign(message, seed)));
        expect(isSignedBy(secret.publicKey, message, signature)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it('is not another message’s, another key’s, or one with a flipped bit', () => {
    const [ann, bob] = [
      new SigningSecret(new Uint8Array(32).fill(1)),
      new SigningSecret(new Uint8Array(32).fill(2)),
    ];
    const message = new TextEncoder().encode('open the door');
    const signature = ann.sign(message);
    expect(isSignedBy(bob.publicKey, message, signature)).toBe(false);
    expect(isSignedBy(ann.publicKey, message.subarray(1), signature)).toBe(false);
    for (const at of [0, 31, 32, 63]) {
      const other = Buffer.from(signature, 'base64url');
      other[at] = (other[at] ?? 0) ^ 1;
      expect(isSignedBy(ann.publicKey, message, url(other))).toBe(false);
    }
  });

  it('has one spelling: the same number plus the order of the group is refused', () => {
    const secret = new SigningSecret(new Uint8Array(32).fill(3));
    const message = new Uint8Array([1, 2, 3]);
    const twin = Buffer.from(secret.sign(message), 'base64url');
    const scalar = [...twin.subarray(32)].reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
    let rest = scalar + ed25519.Point.Fn.ORDER;
    for (let at = 32; at < 64; at++) {
      twin[at] = Number(rest & 255n);
      rest >>= 8n;
    }
    expect(isSignedBy(secret.publicKey, message, url(twin))).toBe(false);
  });
});

describe('a signing key', () => {
  /** Every encoding of a point whose order divides eight, also those that are not canonical. */
  const weak = (() => {
    const prime = ed25519.Point.Fp.ORDER;
    const found = new Set<string>();
    const encode = (y: bigint, sign: number): Uint8Array => {
      const out = new Uint8Array(32);
      for (let at = 0; at < 32; at++) out[at] = Number((y >> BigInt(8 * at)) & 255n);
      out[31] = (out[31] ?? 0) | (sign << 7);
      return out;
    };
    const ys = new Set<bigint>();
    let point = ed25519.Point.ZERO;
    const eighth = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05');
    for (let step = 0; step < 8; step++) {
      ys.add(point.toAffine().y);
      point = point.add(eighth);
    }
    for (const y of ys)
      for (const twin of [y, y + prime])
        if (twin < 2n ** 255n) for (const sign of [0, 1]) found.add(base64(encode(twin, sign)));
    return [...found];
  })();

  it('is not of small order, in none of their 14 spellings', () => {
    expect(weak).toHaveLength(14);
    for (const key of weak) expect(SigningKey.safeParse(key).success, key).toBe(false);
  });

  it('has one spelling: y is below the prime', () => {
    for (const first of [0xed, 0xee, 0xf5, 0xff])
      for (const last of [0x7f, 0xff]) {
        const key = new Uint8Array(32).fill(0xff);
        key[0] = first;
        key[31] = last;
        expect(SigningKey.safeParse(base64(key)).success).toBe(false);
      }
  });

  it('would be taken by OpenSSL although anybody can sign under it, which is why it is refused here', () => {
    const identity = base64(Uint8Array.of(1, ...new Uint8Array(31))) as SigningKey;
    const forged = url(Uint8Array.of(1, ...new Uint8Array(63)));
    expect(isSignedBy(identity, new TextEncoder().encode('anything'), forged)).toBe(true);
    expect(SigningKey.safeParse(identity).success).toBe(false);
  });

  it('does not show its secret', () => {
    const secret = new SigningSecret(new Uint8Array(32).fill(4));
    expect(JSON.stringify({ secret })).toBe('{"secret":"(signing key)"}');
  });
});
