// Keys: one spelling, nothing of small order, and a private half that no print shows.
import { format, inspect } from 'node:util';
import { x25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import {
  keyBytes,
  keyFromHex,
  keyHex,
  keyText,
  PrivateKey,
  PublicKey,
  shortKey,
} from '../../src/values/key.ts';
import { keyPairFrom, publicKeyOf } from '../../src/values/key-pair.ts';
import { keyOf, keysOf } from '../acme.ts';

const ann = keyOf('ann');

/** Curve25519's points of small order: u-coordinates 0, 1, the two of order 8, p-1, and what reduces to these. */
const SMALL_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].flatMap((hex) => [hex, `${hex.slice(0, 62)}${(Number.parseInt(hex.slice(62), 16) | 0x80).toString(16)}`]);

describe('a public key', () => {
  it('is 44 characters of standard base64', () => expect(PublicKey.parse(ann)).toBe(ann));

  it.each([
    ['nothing', ''],
    ['too short', ann.slice(0, 40)],
    ['without padding', ann.slice(0, 43)],
    ['with a space', ` ${ann}`],
    ['with a line end', `${ann}\n`],
    ['31 bytes', keyText(keyBytes(ann).slice(1))],
    ['33 bytes', btoa(`${atob(ann)}!`)],
    ['hexadecimal', keyHex(ann)],
    ['the URL alphabet', `_-${ann.slice(2)}`],
    ['another spelling of the same bytes', 'AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB='],
  ])('is not %s', (_, text) => expect(PublicKey.safeParse(text).success).toBe(false));

  it('has exactly one spelling: what is accepted is what its bytes encode to', () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const accepted = [...letters].filter(
      (last) => PublicKey.safeParse(`${ann.slice(0, 42)}${last}=`).success,
    );
    expect(accepted).toHaveLength(16);
    for (const last of accepted) {
      const text = `${ann.slice(0, 42)}${last}=`;
      expect(keyText(keyBytes(text))).toBe(text);
    }
  });

  it.each(SMALL_ORDER)('is not the point of small order %s, which gives no secret', (hex) => {
    expect(() =>
      x25519.getSharedSecret(keyBytes(keysOf('ann').privateKey.reveal()), keyBytes(keyFromHex(hex))),
    ).toThrow();
    const result = PublicKey.safeParse(keyFromHex(hex));
    expect(result.error?.issues.map(({ message }) => message)).toEqual([
      'this key is of small order: it protects nothing',
    ]);
  });

  it('goes to hexadecimal and back', () => expect(keyFromHex(keyHex(ann))).toBe(ann));

  it('is shown to people by ten characters', () => expect(shortKey(ann)).toBe(`${ann.slice(0, 10)}…`));
});

describe('a key pair', () => {
  it('is the one of RFC 7748, section 6.1', () => {
    const alice = '77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a';
    expect(keyHex(publicKeyOf(PrivateKey.parse(keyFromHex(alice))))).toBe(
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    );
  });

  it('agrees on a secret with every other pair', () => {
    const [left, right] = [keysOf('ann'), keysOf('ryo')];
    const secret = (own: PrivateKey, other: PublicKey) =>
      keyText(x25519.getSharedSecret(keyBytes(own.reveal()), keyBytes(other)));
    expect(secret(left.privateKey, right.publicKey)).toBe(secret(right.privateKey, left.publicKey));
  });

  it('is clamped, whatever the dice say', () => {
    for (const byte of [0, 255]) {
      const bytes = keyBytes(keyPairFrom(new Uint8Array(32).fill(byte)).privateKey.reveal());
      expect((bytes[0] ?? 0) & 7).toBe(0);
      expect((bytes[31] ?? 0) & 0xc0).toBe(0x40);
    }
  });

  it('leaves the dice as they were', () => {
    const random = new Uint8Array(32).fill(255);
    keyPairFrom(random);
    expect(random).toEqual(new Uint8Array(32).fill(255));
  });

  it.each([0, 31, 33])('is not made of %i bytes', (length) =>
    expect(() => PrivateKey.fromRandom(new Uint8Array(length))).toThrow(TypeError),
  );
});

describe('a private key', () => {
  const { privateKey } = keysOf('ann');
  const secret = privateKey.reveal();

  it.each([
    ['inspect', inspect(privateKey)],
    ['inspect with all that is hidden', inspect({ nested: [privateKey] }, { showHidden: true, depth: 9 })],
    ['format', format('%s %o %O %j', privateKey, privateKey, privateKey, privateKey)],
    ['JSON', JSON.stringify({ privateKey })],
    ['a template', `${privateKey}`],
    ['concatenation', `key: ${String(privateKey)}`],
    ['an error', inspect(new Error(`cannot use ${privateKey}`, { cause: privateKey }))],
    ['its properties', JSON.stringify([Object.entries(privateKey), Reflect.ownKeys(privateKey).map(String)])],
    ['a copy', inspect({ ...privateKey })],
  ])('is not shown by %s', (_, shown) => {
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain(keyHex(secret));
  });

  it.each([undefined, 42, '', `${secret}\n`, secret.slice(1), `${secret.slice(0, 42)}B=`])(
    'is refused without being repeated',
    (text) => {
      expect(() => PrivateKey.parse(text)).toThrow('a private key is 32 bytes in base64');
    },
  );

  it('is revealed as the same text', () => expect(PrivateKey.parse(secret).reveal()).toBe(secret));
});
