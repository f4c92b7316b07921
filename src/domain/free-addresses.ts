/** Remembers where each CIDR's next free address may start, so that a search skips the taken ones. */
import type { CidrId } from '../values/id.ts';
import { assignableRange, containsIp, familyOf, fromNumber, type Ip, toNumber } from '../values/ip.ts';
import type { CidrNode } from './cidr-tree.ts';
import { type Mapping, mapOver } from './layered.ts';

export class FreeAddresses {
  /** For each CIDR, a number below which no address is free. */
  readonly #lowest: Mapping<CidrId, bigint>;

  constructor(below?: FreeAddresses) {
    this.#lowest = mapOver(below ? below.#lowest : undefined);
  }

  /** Undefined: the CIDR is full. */
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

  /** Frees an address, in all CIDRs that contain it: an import may list a peer in another one. */
  release(ip: Ip, cidrOf: (id: CidrId) => CidrNode | undefined): void {
    const value = toNumber(ip);
    for (const [id, lowest] of this.#lowest) {
      const node = cidrOf(id);
      if (node && value < lowest && containsIp(node.cidr, ip)) this.#lowest.set(id, value);
    }
  }

  forget(id: CidrId): void {
    this.#lowest.delete(id);
  }
}
