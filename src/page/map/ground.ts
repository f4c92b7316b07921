/** The ground of the map: which blocks and addresses have a place. It only grows, so that nothing on it moves. */
import type { Network } from '../../domain/network.ts';
import type { CidrId } from '../../values/id.ts';
import { addressOf, familyOf, type Ip, prefixOf, toNumber } from '../../values/ip.ts';

type Node = {
  readonly id: CidrId;
  readonly cidr: Parameters<typeof addressOf>[0];
  readonly parentId: CidrId | null;
};

/** A block with all addresses that were ever shown in it, in order. */
export type Plot = {
  readonly id: CidrId;
  readonly parentId: CidrId | null;
  readonly addresses: readonly Ip[];
  readonly children: readonly Plot[];
};

/** An event as the history has it. */
type Learnt = { readonly type: string; readonly data: { readonly [field: string]: unknown } };

type Kept = { node: Node; addresses: Ip[]; slots: Map<Ip, number>; fresh: Ip[] };

const compare = (left: bigint | number, right: bigint | number): number =>
  left < right ? -1 : left > right ? 1 : 0;

const byBlock = (left: Kept, right: Kept): number =>
  compare(familyOf(left.node.cidr), familyOf(right.node.cidr)) ||
  compare(toNumber(addressOf(left.node.cidr)), toNumber(addressOf(right.node.cidr))) ||
  compare(prefixOf(left.node.cidr), prefixOf(right.node.cidr)) ||
  compare(left.node.id, right.node.id);

const sorted = (addresses: Ip[]): Ip[] =>
  addresses
    .map((ip) => ({ ip, family: familyOf(ip), value: toNumber(ip) }))
    .sort((left, right) => compare(left.family, right.family) || compare(left.value, right.value))
    .map(({ ip }) => ip);

export class Ground {
  readonly #kept = new Map<CidrId, Kept>();
  /** Changes when something got a place. */
  version = 0;

  /** Gives a place to all that a state holds; what lies on the ground already stays. */
  widen(network: Network): void {
    for (const node of network.cidrs()) this.addBlock(node);
    for (const { cidrId, ip } of network.peers()) this.addAddress(cidrId, ip);
    this.settle();
  }

  /** Gives a place to all that ever was, before the past is shown; not if more is gone than `most`. */
  learn(events: Iterable<Learnt>, most: number): void {
    const fresh = [...events].flatMap((event) =>
      event.type === 'PeerAdded' &&
      !this.#kept.get(event.data.cidrId as CidrId)?.slots.has(event.data.ip as Ip)
        ? [event.data as { cidrId: CidrId; ip: Ip }]
        : [],
    );
    if (fresh.length > most) return;
    for (const { type, data } of events)
      if (type === 'CidrAdded') this.addBlock({ ...(data as Omit<Node, 'id'>), id: data.cidrId as CidrId });
    for (const { cidrId, ip } of fresh) this.addAddress(cidrId, ip);
    this.settle();
  }

  addBlock(node: Node): void {
    if (this.#kept.has(node.id)) return;
    this.#kept.set(node.id, { node, addresses: [], slots: new Map(), fresh: [] });
    this.version += 1;
  }

  /** Until `settle`, without a slot. */
  addAddress(cidrId: CidrId, ip: Ip): void {
    const kept = this.#kept.get(cidrId);
    if (kept && !kept.slots.has(ip)) {
      kept.fresh.push(ip);
      kept.slots.set(ip, -1);
    }
  }

  /** Puts what was added in order. */
  settle(): void {
    for (const kept of this.#kept.values()) {
      if (kept.fresh.length === 0) continue;
      kept.addresses = sorted([...kept.addresses, ...kept.fresh]);
      kept.fresh = [];
      for (const [slot, ip] of kept.addresses.entries()) kept.slots.set(ip, slot);
      this.version += 1;
    }
  }

  /** The rank of an address in its block. */
  slotOf(cidrId: CidrId, ip: Ip): number | undefined {
    return this.#kept.get(cidrId)?.slots.get(ip);
  }

  addressAt(cidrId: CidrId, slot: number): Ip | undefined {
    return this.#kept.get(cidrId)?.addresses[slot];
  }

  /** The outermost blocks, or one of them with all within. */
  plots(top?: CidrId): Plot[] {
    const children = new Map<CidrId | null, Kept[]>();
    for (const kept of [...this.#kept.values()].sort(byBlock)) {
      const { parentId } = kept.node;
      const parent = parentId !== null && this.#kept.has(parentId) ? parentId : null;
      children.set(parent, [...(children.get(parent) ?? []), kept]);
    }
    const plotOf = ({ node: { id, parentId }, addresses }: Kept): Plot => ({
      id,
      parentId,
      addresses,
      children: (children.get(id) ?? []).map(plotOf),
    });
    const only = top === undefined ? undefined : this.#kept.get(top);
    return (only ? [only] : (children.get(null) ?? [])).map(plotOf);
  }
}
