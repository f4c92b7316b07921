/** Pages of the log, filtered: by type, by who did it, by what it is about. */
import type { Database, Statement } from 'better-sqlite3';
import { type Actor, actorText } from '../events/actor.ts';
import type { EventRecord } from '../events/record.ts';
import { EVENT_TYPES, type EventType } from '../events/schema.ts';
import { type Cells, COLUMNS, recordOf } from '../store/reader.ts';
import { Failure } from '../values/failure.ts';
import type { Hash, PeerId, Position } from '../values/id.ts';
import { positionsAbout } from './about.ts';
import type { ToldRecord } from './history.ts';
import type { Thing } from './history-tables.ts';
import { Things } from './things.ts';

/** Names as a person said them; each left out lets everything through. */
export type HistoryFilter = {
  types?: readonly string[] | undefined;
  /** Name of a peer, of a user at the server's command line, or `server`. */
  actor?: string | undefined;
  /** What people call it, or what it is. */
  about?: string | readonly Thing[] | undefined;
};

/** The records in (after, until], at most `limit` of them, oldest or newest first. */
export type Stretch = { after: Position; until: Position; limit: number; reverse: boolean };

/** Conditions on a record, and the values for their question marks. */
type Condition = { sql: string; values: (string | number)[] };

const marks = (values: readonly unknown[]): string => values.map(() => '?').join();

/** In the order of `ToldCells`: a long history takes as long as its columns are many. */
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

export class HistoryPages {
  readonly #page: Statement<unknown[], ToldCells>;
  readonly #values: readonly (string | number)[];

  /** Throws `Failure` where a type, actor or thing is unknown or ambiguous. */
  constructor(db: Database, filter: HistoryFilter, reverse = false) {
    const conditions = conditionsOf(db, filter);
    const where = ['position > ?', 'position <= ?', ...conditions.map(({ sql }) => sql)].join(' AND ');
    const order = reverse ? 'DESC' : 'ASC';
    this.#values = conditions.flatMap(({ values }) => values);
    this.#page = db
      .prepare<unknown[], ToldCells>(
        `SELECT ${TOLD} FROM events WHERE ${where} ORDER BY position ${order} LIMIT ?`,
      )
      .raw();
  }

  read({ after, until, limit }: Omit<Stretch, 'reverse'>): ToldRecord[] {
    return this.#page.all(after, until, ...this.#values, limit).map(toldOf);
  }
}

const conditionsOf = (db: Database, { types, actor, about }: HistoryFilter): Condition[] => [
  ...(types ? [{ sql: `type IN (${marks(types)})`, values: types.map(knownType) }] : []),
  ...(actor === undefined ? [] : [byActor(db, actor)]),
  ...(about === undefined ? [] : [aboutAny(typeof about === 'string' ? new Things(db).about(about) : about)]),
];

const knownType = (text: string): string => {
  const type = EVENT_TYPES.find((each) => each.toLowerCase() === text.toLowerCase());
  if (type) return type;
  throw new Failure(`there is no type of event "${text}"`, {
    hint: `they are ${EVENT_TYPES.join(', ')}`,
  });
};

/** The sealed texts of everybody who ever carried out a command: few, and found without reading all of them. */
const actorTexts = (db: Database): string[] =>
  db
    .prepare<[], string>(`
      WITH RECURSIVE each(actor) AS (
        SELECT min(actor) FROM commits
        UNION ALL
        SELECT (SELECT min(actor) FROM commits WHERE actor > each.actor) FROM each WHERE each.actor IS NOT NULL
      ) SELECT actor FROM each WHERE actor IS NOT NULL`)
    .pluck()
    .all();

const isCalled = (actor: Actor, name: string): boolean => {
  switch (actor.kind) {
    case 'server':
      return name === 'server';
    case 'peer':
      return false; // by what it was called, in `byActor`
    case 'operator':
      return actor.user === undefined ? name === 'root' && actor.uid === 0 : actor.user === name;
  }
};

const byActor = (db: Database, name: string): Condition => {
  const peers = new Things(db).peersCalled(name).map((peerId) => actorText({ kind: 'peer', peerId }));
  const others = actorTexts(db).filter((text) => isCalled(JSON.parse(text) as Actor, name));
  const values = [...peers, ...others];
  if (values.length > 0) return { sql: `actor IN (${marks(values)})`, values };
  throw new Failure(`nobody called "${name}" ever did anything in this network`, {
    hint: 'an actor is a peer, a user at the server\'s command line, or "server"; see who there is',
    verb: 'history --reverse --limit 20',
  });
};

const aboutAny = (things: readonly Thing[]): Condition => {
  const { sql, values } = positionsAbout(things);
  return { sql: `position IN (${sql})`, values };
};

/** What says nothing of whether peers can talk; one of them may have thousands of these. */
const IDLE: readonly EventType[] = [
  'EndpointOverrideSet',
  'EndpointOverrideCleared',
  'ServerEndpointChanged',
  'AdminGranted',
  'AdminRevoked',
];

/**
 * The records that decide whether two peers can talk, up to a position: those about the two, the CIDRs around them,
 * which stay the same as long as a peer lives, and the associations among those. They are found by the read models, so
 * that neither a long log nor a wide network is read.
 */
export const recordsOfPair = (
  db: Database,
  [one, other]: readonly [PeerId, PeerId],
  until: Position,
): EventRecord[] =>
  db
    .prepare<unknown[], Cells>(`
      WITH RECURSIVE
        around(id) AS (
          SELECT cidr_id FROM peers WHERE id IN (?, ?)
          UNION
          SELECT json_extract(body, '$.parentId') FROM around JOIN events
            ON position = (SELECT min(from_position) FROM names WHERE kind = 'cidr' AND names.id = around.id)
            WHERE json_extract(body, '$.parentId') IS NOT NULL
        ),
        joined(id) AS (SELECT association_id FROM ends WHERE cidr_a IN around AND cidr_b IN around),
        told(position) AS (
          SELECT position FROM mentions WHERE kind = 'peer' AND id IN (?, ?)
          UNION SELECT from_position FROM names WHERE kind = 'peer' AND id IN (?, ?)
          UNION SELECT position FROM mentions WHERE kind = 'association' AND id IN joined
          UNION SELECT from_position FROM names WHERE kind = 'cidr' AND id IN around
          UNION SELECT (SELECT max(position) FROM mentions WHERE kind = 'cidr' AND mentions.id = around.id) FROM around
        )
      SELECT ${COLUMNS} FROM told JOIN events USING (position)
      WHERE position <= ? AND type NOT IN (${marks(IDLE)}) ORDER BY position`)
    .raw()
    .all(one, other, one, other, one, other, until, ...IDLE)
    .map(recordOf);
