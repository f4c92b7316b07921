/** Where the search for the next free address of a CIDR starts, so that it need not walk over all that are taken. */
import type { CidrId } from '../values/id.ts';
import { assignableRange, containsIp, familyOf, fromNumber, type Ip, toNumber } from '../values/ip.ts';
import type { CidrNode } from './cidr-tree.ts';
import { type Mapping, mapOver } from './layered.ts';

export class FreeAddresses {
  /** For each CIDR a number below which no address is free. */
  readonly #lowest: Mapping<CidrId, bigint>;

  /** Knows nothing, or what another one knew, which it leaves as it is. */
  constructor(below?: FreeAddresses) {
    this.#lowest = mapOver(below ? below.#lowest : undefined);
  }

  /** The lowest address of a CIDR that is free, or undefined when there is none. */
  lowestIn({ id, cidr }: CidrNode, isFree: (ip: Ip) => boolean): Ip | undefined {
    const { first, last } = assignableRange(cidr);
    const family = familyOf(cidr);
    for (let value = this.#lowest.get(id) ?? first; value <= last; value += 1n) {
      const ip = fromNumber(value, family);
      if (!isFree(ip)) continue;
      this.#lowest.set(id, value);
      return ip;
    }
    this.#lowest.set(id, last + 1n);
    return undefined;
  }

  /** An address is free again: also in a CIDR that its peer, as an import may have it, was not listed in. */
  release(ip: Ip, cidrOf: (id: CidrId) => CidrNode | undefined): void {
    const value = toNumber(ip);
    for (const [id, lowest] of this.#lowest) {
      const node = cidrOf(id);
      if (node && value < lowest && containsIp(node.cidr, ip)) this.#lowest.set(id, value);
    }
  }

  /** The CIDR is gone. */
  forget(id: CidrId): void {
    this.#lowest.delete(id);
  }
}
