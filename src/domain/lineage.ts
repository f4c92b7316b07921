/** The CIDRs around a CIDR, and those in it. */
import type { CidrId } from '../values/id.ts';
import type { Network } from './network.ts';

/** Up to the root. */
export function* lineage(network: Network, id: CidrId): Generator<CidrId> {
  const seen = new Set<CidrId>();
  for (let node = network.cidr(id); node && !seen.has(node.id); ) {
    seen.add(node.id);
    yield node.id;
    node = node.parentId === null ? undefined : network.cidr(node.parentId);
  }
}

export function* subtree(network: Network, id: CidrId): Generator<CidrId> {
  const seen = new Set<CidrId>();
  const open = [id];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    yield next;
    for (const child of network.childrenOf(next)) open.push(child.id);
  }
}
