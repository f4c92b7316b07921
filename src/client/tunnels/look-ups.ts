/** Looks up DNS names of peers' endpoints, with limits that protect the system's resolver. */
import type { LookupAddress } from 'node:dns';
import { type Endpoint, endpointOf, hostOf, portOf, SocketAddress } from '../../values/endpoint.ts';

/** For found and unknown names, in ms. */
export const KEPT_FOR_MS = 5 * 60_000;

/** A look-up blocks one of Node's four threads; files need the others. */
const MAX_AT_ONCE = 2;

type Resolver = (name: string) => Promise<readonly LookupAddress[]>;
type Kept = { at: number; found: Promise<readonly LookupAddress[]> };

export class LookUps {
  readonly #resolver: Resolver;
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** `now`: milliseconds of a clock that never jumps. */
  constructor(resolver: Resolver, now: () => number) {
    this.#resolver = resolver;
    this.#now = now;
  }

  /** In the resolver's order; none for an unknown name. */
  async addressesOf(endpoint: Endpoint): Promise<SocketAddress[]> {
    const found = await this.#found(hostOf(endpoint).toLowerCase());
    return found.flatMap(
      ({ address }) => SocketAddress.safeParse(endpointOf(address, portOf(endpoint))).data ?? [],
    );
  }

  #found(name: string): Promise<readonly LookupAddress[]> {
    const now = this.#now();
    for (const [old, { at }] of this.#kept) {
      if (now - at < KEPT_FOR_MS) break; // they stand in the order of their times
      this.#kept.delete(old);
    }
    const kept = this.#kept.get(name) ?? { at: now, found: this.#inTurn(name) };
    this.#kept.set(name, kept);
    return kept.found;
  }

  async #inTurn(name: string): Promise<readonly LookupAddress[]> {
    if (this.#running === MAX_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await this.#resolver(name);
    } catch {
      return [];
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
