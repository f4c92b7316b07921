/** One-time tokens, and the keys of the browser's tabs that they are traded for; both kept as hashes. */
import { randomBytes } from 'node:crypto';
import { sha256 } from '../machine/sha256.ts';
import type { Hash } from '../values/id.ts';

const secret = (): string => randomBytes(32).toString('base64url');

const hashOf = (text: string): Hash => sha256(Buffer.from(text));

/** Of tabs that one program shows. */
const MAX_KEYS = 64;

/** `countersign` comes with each answer to the key, and is never sent by the tab: so it knows who answers. */
export type Entered = { key: string; countersign: string };

export class Keys {
  readonly #now: () => number;
  /** When each ends, in milliseconds of `now`. */
  readonly #tokens = new Map<Hash, number>();
  /** The countersign of each. */
  readonly #keys = new Map<Hash, string>();

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
  enter(token: string): Entered | undefined {
    const hash = hashOf(token);
    const end = this.#tokens.get(hash);
    this.#tokens.delete(hash);
    if (end === undefined || end < this.#now() || this.#keys.size >= MAX_KEYS) return undefined;
    const entered = { key: secret(), countersign: secret() };
    this.#keys.set(hashOf(entered.key), entered.countersign);
    return entered;
  }

  /** Undefined: the key is unknown. */
  countersignFor(key: string): string | undefined {
    return this.#keys.get(hashOf(key));
  }
}
