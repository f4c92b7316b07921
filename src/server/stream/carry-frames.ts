/** What a router is told, in frames that are small enough. */
import type { Carried } from '../../domain/routes.ts';
import type { CarriedRow, Carry } from '../../protocol/frames.ts';
import type { Cidr } from '../../values/ip.ts';

/** Blocks of IPv6 in a frame that stays below `MAX_DELTA_BYTES`, with the names of their routes. */
const MAX_BLOCKS = 600;

export const carryFrames = (routes: readonly Carried[]): Carry[] => {
  const parts = packed(routes.flatMap(piecesOf));
  return parts.map((part, at) => ({
    ...{ kind: 'carry', isFirst: at === 0, isLast: at === parts.length - 1 },
    routes: part,
  }));
};

/** A route of many users in pieces, each of them a row. */
const piecesOf = ({ id, name, blocks, from, keepSource }: Carried): CarriedRow[] => {
  const row = (users: readonly Cidr[]): CarriedRow => ({
    ...{ id, name, keepSource },
    ...{ blocks: [...blocks], from: [...users] },
  });
  const count = Math.max(1, Math.ceil(from.length / MAX_BLOCKS));
  return Array.from({ length: count }, (_, at) => row(from.slice(at * MAX_BLOCKS, (at + 1) * MAX_BLOCKS)));
};

/** A row counts a little more than its blocks. */
const weightOf = ({ blocks, from }: CarriedRow): number => blocks.length + from.length + 3;

const packed = (rows: readonly CarriedRow[]): CarriedRow[][] => {
  const parts: CarriedRow[][] = [[]];
  let weight = 0;
  for (const row of rows) {
    if (weight > 0 && weight + weightOf(row) > MAX_BLOCKS) {
      parts.push([]);
      weight = 0;
    }
    parts.at(-1)?.push(row);
    weight += weightOf(row);
  }
  return parts;
};
