/** Queries about a log's past, in SQL over its records and read models. */
import type { Database, Statement } from 'better-sqlite3';
import type { EventRecord } from '../events/record.ts';
import type { EventType } from '../events/schema.ts';
import type { Thing } from '../events/subject.ts';
import type {
  CidrRow,
  EndsRow,
  LogQueries,
  Named,
  NameSpan,
  PeerRow,
  RecordFilter,
  Stretch,
  ToldRecord,
} from '../store/queries.ts';
import { type Cells, COLUMNS, recordOf } from '../store/reader.ts';
import type { AssociationId, CidrId, Hash, PeerId, Position } from '../values/id.ts';
import type { Timestamp } from '../values/time.ts';

type Value = string | number;

type Condition = { sql: string; values: readonly Value[] };

const marks = (values: readonly unknown[]): string => values.map(() => '?').join();

/** In the order of `ToldCells`; each column slows a long history. */
const TOLD = 'position, id, command_id, type, recorded_at, actor, body, hash';

type ToldCells = [
  position: Position,
  id: string,
  commandId: string,
  type: EventRecord['type'],
  recordedAt: EventRecord['recordedAt'],
  actor: string,
  body: string,
  hash: Hash,
];

const toldOf = (cells: ToldCells): ToldRecord => {
  const [position, id, commandId, type, recordedAt, actor, body, hash] = cells;
  return { position, id, commandId, type, recordedAt, actor, body, hash };
};

const among = (column: string, values: readonly Value[] | undefined): Condition[] =>
  values ? [{ sql: `${column} IN (${marks(values)})`, values }] : [];

/** The peer's addition: its first position with a name. */
const ADDED = `(SELECT min(from_position) FROM names WHERE kind = 'peer' AND names.id = peers.id)`;

/** Each read model knows a part of the positions, so that nothing is written twice. */
const about = (things: readonly Thing[]): Condition => {
  const anyOf = things.map(() => '(kind = ? AND id = ?)').join(' OR ');
  const pairs = things.flatMap(({ kind, id }) => [kind, id]);
  const cidrs = things.filter(({ kind }) => kind === 'cidr').map(({ id }) => id);
  const peersIn = `UNION ALL SELECT ${ADDED} FROM peers WHERE cidr_id IN (${marks(cidrs)})`;
  return {
    sql: `position IN (
      SELECT position FROM mentions WHERE ${anyOf}
      UNION ALL SELECT from_position FROM names WHERE ${anyOf}
      ${cidrs.length === 0 ? '' : peersIn})`,
    values: [...pairs, ...pairs, ...cidrs],
  };
};

/** They lie side by side, and a long history needs them in order. */
const NAMES_TOGETHER = 64;

/** No effect on reach; a peer may have thousands. */
const IDLE: readonly EventType[] = [
  'EndpointOverrideSet',
  'EndpointOverrideCleared',
  'ServerEndpointChanged',
  'AdminGranted',
  'AdminRevoked',
];

/** The CIDRs around a peer never change. */
const OF_PAIR = `
  WITH RECURSIVE
    around(id) AS (
      SELECT cidr_id FROM peers WHERE id IN (?, ?)
      UNION
      SELECT json_extract(body, '$.parentId') FROM around JOIN events
        ON position = (SELECT min(from_position) FROM names WHERE kind = 'cidr' AND names.id = around.id)
        WHERE json_extract(body, '$.parentId') IS NOT NULL
    ),
    joined(id) AS (SELECT association_id FROM ends WHERE cidr_a IN around AND cidr_b IN around),
    routers(id) AS (
      SELECT json_extract(body, '$.via') FROM mentions JOIN events USING (position)
        WHERE kind = 'peer' AND mentions.id IN (?, ?) AND type IN ('PlainPeerDeclared', 'PlainPeerRouted')
    ),
    told(position) AS (
      SELECT position FROM mentions WHERE kind = 'peer' AND id IN (?, ?)
      UNION SELECT from_position FROM names WHERE kind = 'peer' AND id IN routers
      UNION SELECT from_position FROM names WHERE kind = 'peer' AND id IN (?, ?)
      UNION SELECT position FROM mentions WHERE kind = 'association' AND id IN joined
      UNION SELECT from_position FROM names WHERE kind = 'cidr' AND id IN around
      UNION SELECT (SELECT max(position) FROM mentions WHERE kind = 'cidr' AND mentions.id = around.id) FROM around
      UNION SELECT position FROM mentions JOIN events USING (position)
        WHERE kind = 'cidr' AND mentions.id IN around AND type IN ('CidrIsolated', 'CidrUnisolated')
    )
  SELECT ${COLUMNS} FROM told JOIN events USING (position)
  WHERE position <= ? AND type NOT IN (${marks(IDLE)}) ORDER BY position`;

/** Jumps from actor to actor: they are few, the commits many. */
const ACTORS = `
  WITH RECURSIVE each(actor) AS (
    SELECT min(actor) FROM commits
    UNION ALL
    SELECT (SELECT min(actor) FROM commits WHERE actor > each.actor) FROM each WHERE each.actor IS NOT NULL
  ) SELECT actor FROM each WHERE actor IS NOT NULL`;

const OF_THING = 'FROM names WHERE kind = ? AND id = ?';

const ONWARD = `
  SELECT from_position, name ${OF_THING} AND from_position >=
    (SELECT coalesce(max(from_position), 0) ${OF_THING} AND from_position <= ?)
  ORDER BY from_position LIMIT ${NAMES_TOGETHER + 1}`;

const BACK = `
  SELECT from_position, name ${OF_THING} AND from_position <= ?
  ORDER BY from_position DESC LIMIT ${NAMES_TOGETHER}`;

const COLUMN_OF = { name: 'name', ip: 'ip', publicKey: 'public_key', cidr: 'cidr' } as const;

const where = (wanted: { [F in keyof typeof COLUMN_OF]?: string | undefined }): Condition => {
  const fields = (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
    (field) => wanted[field] !== undefined,
  );
  return {
    sql: fields.length === 0 ? 'true' : fields.map((field) => `${COLUMN_OF[field]} = ?`).join(' AND '),
    values: fields.map((field) => wanted[field] as string),
  };
};

type NameCells = [from: Position, name: string];

const spansOf = (cells: readonly NameCells[], end: Position): NameSpan[] =>
  cells.map(([from, name], index) => ({ from, name, until: cells[index + 1]?.[0] ?? end }));

export class SqliteQueries implements LogQueries {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement<unknown[], unknown>>();

  /** `db` only reads; no statement stays open. */
  constructor(db: Database) {
    this.#db = db;
  }

  records(filter: RecordFilter, { after, until, limit, reverse }: Stretch): ToldRecord[] {
    const conditions: Condition[] = [
      { sql: 'position > ? AND position <= ?', values: [after, until] },
      ...among('type', filter.types),
      ...among('actor', filter.actors),
      ...(filter.about ? [about(filter.about)] : []),
    ];
    const order = reverse ? 'DESC' : 'ASC';
    return this.#db
      .prepare<unknown[], ToldCells>(
        `SELECT ${TOLD} FROM events WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}
         ORDER BY position ${order} LIMIT ?`,
      )
      .raw()
      .all(...conditions.flatMap(({ values }) => values), limit)
      .map(toldOf);
  }

  recordsOfPair([one, other]: readonly [PeerId, PeerId], until: Position): EventRecord[] {
    const values = [one, other, one, other, one, other, one, other, until, ...IDLE];
    return this.#cells<Cells>(OF_PAIR, ...values).map(recordOf);
  }

  actors(): string[] {
    return this.#column<string>(ACTORS);
  }

  digests(after: Position, to: Position): Hash[] {
    return this.#column(
      'SELECT digest FROM events WHERE position > ? AND position <= ? ORDER BY position',
      after,
      to,
    );
  }

  earliest(after: Position, to: Position): Timestamp | undefined {
    const sql = 'SELECT min(recorded_at) FROM events WHERE position > ? AND position <= ?';
    return this.#column<Timestamp | null>(sql, after, to)[0] ?? undefined;
  }

  lastRecordedBy(time: Timestamp, after: Position, to: Position): Position | undefined {
    return this.#column<Position>(
      `SELECT position FROM events WHERE position > ? AND position <= ? AND recorded_at <= ?
       ORDER BY position DESC LIMIT 1`,
      ...[after, to, time],
    )[0];
  }

  namesOf({ kind, id }: Named, position: Position, direction: 'onward' | 'back'): NameSpan[] {
    const end = this.#afterHead(); // asked first: others may be writing
    if (direction === 'back') {
      const rows = this.#cells<NameCells>(BACK, kind, id, position).reverse();
      const next = `SELECT min(from_position) ${OF_THING} AND from_position > ?`;
      return spansOf(rows, this.#column<Position | null>(next, kind, id, position)[0] ?? end);
    }
    const rows = this.#cells<NameCells>(ONWARD, kind, id, kind, id, position);
    const beyond = rows.length > NAMES_TOGETHER ? rows.pop()?.[0] : undefined;
    return spansOf(rows, beyond ?? end);
  }

  everCalled(name: string): (Named & { from: Position })[] {
    const sql = `
      SELECT kind, id, max(from_position) FROM names WHERE name = ? GROUP BY kind, id
      ORDER BY kind = 'peer' DESC, kind, id`;
    return this.#cells<[Named['kind'], number, Position]>(sql, name).map(([kind, id, from]) => ({
      kind,
      id,
      from,
    }));
  }

  peers(wanted: Partial<Pick<PeerRow, 'name' | 'ip' | 'publicKey'>> = {}): PeerRow[] {
    const { sql, values } = where(wanted);
    return this.#db
      .prepare<unknown[], Omit<PeerRow, 'isDisabled'> & { isDisabled: number }>(`
        SELECT id, name, ip, cidr_id AS cidrId, public_key AS publicKey, is_disabled AS isDisabled, ended
        FROM peers WHERE ${sql} ORDER BY id`)
      .all(...values)
      .map((row) => ({ ...row, isDisabled: row.isDisabled === 1 }));
  }

  cidrs(wanted: Partial<Pick<CidrRow, 'name' | 'cidr'>> = {}): CidrRow[] {
    const { sql, values } = where(wanted);
    return this.#db
      .prepare<unknown[], CidrRow>(`SELECT id, name, cidr FROM cidrs WHERE ${sql} ORDER BY id`)
      .all(...values);
  }

  endsOf(id: AssociationId): readonly [CidrId, CidrId] | undefined {
    return this.#cells<[CidrId, CidrId]>('SELECT cidr_a, cidr_b FROM ends WHERE association_id = ?', id)[0];
  }

  associations(): EndsRow[] {
    const sql = 'SELECT association_id, cidr_a, cidr_b FROM ends ORDER BY association_id';
    return this.#cells<[AssociationId, CidrId, CidrId]>(sql).map(([id, a, b]) => ({ id, cidrIds: [a, b] }));
  }

  #afterHead(): Position {
    return (this.#column<Position | null>('SELECT max(position) FROM events')[0] ?? 0) + 1;
  }

  /** Rows as arrays: an object costs twice as much. */
  #cells<C extends unknown[]>(sql: string, ...values: readonly Value[]): C[] {
    const statement = this.#statements.get(sql) ?? this.#db.prepare<unknown[], unknown>(sql).raw();
    this.#statements.set(sql, statement);
    return statement.all(...values) as C[];
  }

  #column<T>(sql: string, ...values: readonly Value[]): T[] {
    return this.#cells<[T]>(sql, ...values).map(([value]) => value);
  }
}
