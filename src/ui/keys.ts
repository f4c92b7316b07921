/** One-time tokens, and the keys of the browser's tabs that they are traded for; kept as hashes. */
import { randomBytes } from 'node:crypto';
import { sha256 } from '../machine/sha256.ts';
import type { Hash } from '../values/id.ts';

const secret = (): string => randomBytes(32).toString('base64url');

const hashOf = (text: string): Hash => sha256(Buffer.from(text));

/** Of tabs that one program shows. */
const MAX_KEYS = 64;

export class Keys {
  readonly #now: () => number;
  /** When each ends, in milliseconds of `now`. */
  readonly #tokens = new Map<Hash, number>();
  readonly #keys = new Set<Hash>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Works once, within `lasts` milliseconds. */
  token(lasts: number): string {
    const token = secret();
    this.#tokens.set(hashOf(token), this.#now() + lasts);
    return token;
  }

  /** The key for a token, which is used up; undefined: used, over or unknown. */
  enter(token: string): string | undefined {
    const hash = hashOf(token);
    const end = this.#tokens.get(hash);
    this.#tokens.delete(hash);
    if (end === undefined || end < this.#now() || this.#keys.size >= MAX_KEYS) return undefined;
    const key = secret();
    this.#keys.add(hashOf(key));
    return key;
  }

  knows(key: string): boolean {
    return this.#keys.has(hashOf(key));
  }
}
