/** How two blocks stand to each other: the cells of the matrix. */
import type { CidrNode } from '../../domain/cidr-tree.ts';
import type { Network } from '../../domain/network.ts';
import { visibleCidrs } from '../../domain/visibility.ts';
import { type CidrId, SERVER_CIDR } from '../../values/id.ts';
import { Ground, type Plot } from './ground.ts';
import { mayBegin, NOTHING } from './limits.ts';

/** `begins`, `answers`: all ways between the two are limited, and the first may begin something, or only the second. */
export type Relation =
  | 'own'
  | 'isolated'
  | 'server'
  | 'associated'
  | 'inherited'
  | 'begins'
  | 'answers'
  | 'one-way'
  | 'none';

export type Matrix = {
  readonly cidrs: readonly CidrNode[];
  /** The same order; the first index sees the second. */
  readonly rows: readonly (readonly Relation[])[];
};

function* preorder(plots: readonly Plot[]): Generator<CidrId> {
  for (const { id, children } of plots) {
    yield id;
    yield* preorder(children);
  }
}

/** CIDRs in the order of their addresses, each before those within. */
export const inOrder = (network: Network): CidrNode[] => {
  const ground = new Ground();
  for (const node of network.cidrs()) ground.addBlock(node);
  return [...preorder(ground.plots())].flatMap((id) => network.cidr(id) ?? []);
};

/** Those in which peers may stand: they hold some, or hold no other CIDR. */
export const inhabited = (network: Network): CidrNode[] =>
  inOrder(network).filter(({ id }) => network.holdsPeers(id) || !network.hasChildren(id));

const relation = (
  network: Network,
  left: CidrId,
  right: CidrId,
  sight: (id: CidrId) => Set<CidrId>,
): Relation => {
  if (left === right) return network.cidr(left)?.isIsolated ? 'isolated' : 'own';
  if (left === SERVER_CIDR || right === SERVER_CIDR) return 'server';
  const begins = mayBegin(network, left, right);
  if (begins !== undefined) {
    if (begins !== NOTHING) return 'begins';
    return mayBegin(network, right, left) === NOTHING ? 'none' : 'answers';
  }
  const [there, back] = [sight(left).has(right), sight(right).has(left)];
  if (there !== back) return 'one-way';
  if (!there) return 'none';
  return network.associationBetween(left, right) ? 'associated' : 'inherited';
};

export const matrixOf = (network: Network, cidrs: readonly CidrNode[], others = cidrs): Matrix => {
  const seen = new Map<CidrId, Set<CidrId>>();
  const sight = (id: CidrId): Set<CidrId> => {
    const known = seen.get(id) ?? visibleCidrs(network, id);
    seen.set(id, known);
    return known;
  };
  return {
    cidrs,
    rows: cidrs.map(({ id }) => others.map((other) => relation(network, id, other.id, sight))),
  };
};
