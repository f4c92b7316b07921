/** The difference of two states of a network: CIDRs, peers, associations, reach. */
import type { Association } from './association-graph.ts';
import type { CidrNode } from './cidr-tree.ts';
import type { Network } from './network.ts';
import type { Peer } from './peer.ts';
import { type ReachDifference, reachDifference } from './reach.ts';

export type RowDifference<Row> = {
  added: Row[];
  removed: Row[];
  changed: { before: Row; after: Row }[];
};

export type Difference = {
  cidrs: RowDifference<CidrNode>;
  peers: RowDifference<Peer>;
  associations: RowDifference<Association>;
  /** Absent if unchanged. */
  isProofRequired?: { before: boolean; after: boolean };
  /** Expiry of new peers in seconds; absent if unchanged. */
  defaultExpiry?: { before: number | null; after: number | null };
  reach: ReachDifference;
};

const fieldsDiffer = <Row extends object>(before: Row, after: Row): boolean =>
  (Object.keys({ ...before, ...after }) as (keyof Row)[]).some(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );

const rowDifference = <Row extends object>(
  before: Iterable<Row>,
  after: Iterable<Row>,
  keyOf: (row: Row) => number | string,
): RowDifference<Row> => {
  const left = new Map<number | string, Row>();
  for (const row of before) left.set(keyOf(row), row);
  const difference: RowDifference<Row> = { added: [], removed: [], changed: [] };
  for (const row of after) {
    const key = keyOf(row);
    const known = left.get(key);
    left.delete(key);
    if (!known) difference.added.push(row);
    else if (known !== row && fieldsDiffer(known, row))
      difference.changed.push({ before: known, after: row });
  }
  difference.removed.push(...left.values());
  return difference;
};

const byId = ({ id }: { id: number }): number => id;

/** An association made again has another id, but joins the same two. */
const byPair = ({ cidrIds }: Association): string => [...cidrIds].sort((left, right) => left - right).join();

export const differenceOf = (before: Network, after: Network): Difference => {
  const [isBefore, isAfter] = [before.isProofRequired, after.isProofRequired];
  const [isSooner, isLater] = [before.defaultExpiry, after.defaultExpiry];
  const { added, removed, changed } = rowDifference(before.associations(), after.associations(), byPair);
  const isLimitedAnew = ({ before, after }: (typeof changed)[number]): boolean =>
    JSON.stringify(before.allow) !== JSON.stringify(after.allow);
  return {
    cidrs: rowDifference(before.cidrs(), after.cidrs(), byId),
    peers: rowDifference(before.peers(), after.peers(), byId),
    associations: { added, removed, changed: changed.filter(isLimitedAnew) },
    ...(isBefore === isAfter ? {} : { isProofRequired: { before: isBefore, after: isAfter } }),
    ...(isSooner === isLater ? {} : { defaultExpiry: { before: isSooner, after: isLater } }),
    reach: reachDifference(before, after),
  };
};
