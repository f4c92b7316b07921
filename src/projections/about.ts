/** Where the events about a thing are: what says so is spread over several read models, so that nothing is written twice. */
import type { Thing } from './history-tables.ts';

/** A query for positions, and the values for its question marks. */
export type Positions = { sql: string; values: (string | number)[] };

const marks = (values: readonly unknown[]): string => values.map(() => '?').join();

/** An event that names a thing is about it, and so is one that adds a peer about the CIDR that the peer is in. */
export const positionsAbout = (things: readonly Thing[]): Positions => {
  const pairs = things.flatMap(({ kind, id }) => [kind, id]);
  const anyOf = things.map(() => '(kind = ? AND id = ?)').join(' OR ');
  const cidrs = things.filter(({ kind }) => kind === 'cidr').map(({ id }) => id);
  return {
    sql: `
      SELECT position FROM mentions WHERE ${anyOf}
      UNION ALL SELECT from_position FROM names WHERE ${anyOf}
      ${cidrs.length === 0 ? '' : `UNION ALL SELECT ${ADDED} FROM peers WHERE cidr_id IN (${marks(cidrs)})`}`,
    values: [...pairs, ...pairs, ...cidrs],
  };
};

/** Where the peer of a row was added: the first time that it had a name. */
const ADDED = `(SELECT min(from_position) FROM names WHERE kind = 'peer' AND names.id = peers.id)`;
