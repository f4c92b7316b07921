/** Parses keys, numbers and blocks of a device's answer; errors do not repeat refused text. */
import { Failure } from '../values/failure.ts';
import { type Cidr, RecordedCidr } from '../values/ip.ts';
import { keyFromHex, type PublicKey } from '../values/key.ts';

const odd = (what: string): Failure =>
  new Failure(`the WireGuard device gave an answer that cannot be understood: ${what}`, {
    hint: 'compare with what it says itself: wg show',
  });

/** A number of as many digits as 64 bits can have. */
export const numberRead = (text: string | undefined, what: string): number => {
  if (text === undefined || !/^\d{1,20}$/.test(text)) throw odd(`${what} is no number`);
  return Number(text);
};

/** A mark as `wg` prints it, such as `0x696e`. */
export const markRead = (text: string): number => {
  if (!/^0x[0-9a-f]{1,8}$/.test(text)) throw odd('the mark is no number');
  return Number(text);
};

/** 32 bytes from hexadecimal digits. */
export const bytesRead = (hex: string, what: string): Buffer => {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw odd(`${what} is no key`);
  return Buffer.from(hex, 'hex');
};

/** Any 32 bytes: an unsafe key may be on a device, to be removed. */
export const keyRead = (hex: string): PublicKey => {
  bytesRead(hex, 'a public key');
  return keyFromHex(hex) as PublicKey;
};

/** A key in base64 from 32 bytes in hexadecimal digits. */
export const keyTextRead = (text: string | undefined): PublicKey => {
  if (text === undefined || !/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text))
    throw odd('a public key is no key');
  return text as PublicKey;
};

/** Brings a block to our spelling. */
export const blockRead = (text: string): Cidr => {
  const { success, data } = RecordedCidr.safeParse(text);
  if (!success) throw odd('an allowed IP is no block of addresses');
  return data;
};
