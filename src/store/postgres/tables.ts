/** The tables of logs in PostgreSQL, and the statements on them. */
import type { EventRecord } from '../../events/record.ts';
import { Failure } from '../../values/failure.ts';
import { type Hash, NO_HASH, type Position } from '../../values/id.ts';
import type { AppendResult, Commit, Head } from '../log.ts';
import { migrationText } from '../migrate.ts';
import { codeOf, type Query, type Session } from './primary.ts';

const SCHEMA_VERSION = 1;

/** The channel of the bell; its payload is a network's name. */
export const CHANNEL = 'innernet';

/** `moving`: not all of it has come. `file`: it has gone back to a file. */
export type Home = 'moving' | 'here' | 'file';

/** A network's head; `isSettled` while the database is the one that it was. */
export type DatabaseHead = Head & { answers: number; home: Home; isSettled: boolean };

/** A commit with its records; `number` counts answers. */
export type NumberedCommit = Commit & { number: number; records: readonly EventRecord[] };

type Committed = Extract<AppendResult, { kind: 'committed' }>;

/** The first 8 digits; the only place where a new primary's timeline is to be read before its first checkpoint. */
const TIMELINE = 'left(pg_walfile_name(pg_current_wal_lsn()), 8)';

/** Makes the tables, or brings them up to date. Throws `Failure`: newer ones, or no right to. */
export const prepareTables = async (session: Session): Promise<void> => {
  if ((await schemaVersion(session)) === SCHEMA_VERSION) return;
  try {
    await session.run('BEGIN');
    await session.run(`SELECT pg_advisory_xact_lock(hashtext('innernet_schema'))`);
    if ((await schemaVersion(session)) === 0) await session.run(migrationText('postgres_001_log.sql'));
    await session.run('COMMIT');
  } catch (error) {
    await session.run('ROLLBACK');
    throw explained(error);
  }
};

/** Throws `Failure` where there are no tables of this version. */
export const checkTables = async (session: Session): Promise<void> => {
  if ((await schemaVersion(session)) === SCHEMA_VERSION) return;
  throw new Failure("the database holds no network's log", {
    hint: 'where the log is now: innernet-server move-log NETWORK postgres://…',
  });
};

/** 0 without tables. Throws `Failure` for a newer one. */
const schemaVersion = async (session: Session): Promise<number> => {
  const query = {
    name: 'has-schema',
    text: `SELECT to_regclass('innernet_schema') IS NOT NULL AS "isThere"`,
  };
  const [found] = await session.query<{ isThere: boolean }>(query);
  if (!found?.isThere) return 0;
  const text = 'SELECT version FROM innernet_schema';
  const [row] = await session.query<{ version: number }>({ name: 'schema', text }).catch((error: unknown) => {
    throw explained(error);
  });
  const { version = 0 } = row ?? {};
  if (version <= SCHEMA_VERSION) return version;
  throw new Failure(
    `the database has schema version ${version} of innernet, and this program knows ${SCHEMA_VERSION} at most`,
    { hint: 'a newer innernet-server has written it; upgrade this one' },
  );
};

/** A `Failure` for what the database refuses, or the error itself. */
export const explained = (error: unknown): unknown => {
  const { message } = error as Error;
  switch (codeOf(error)) {
    case '42501':
      return new Failure(`the database does not allow it: ${message}`, {
        hint: 'its user must own the tables, or may make them: GRANT CREATE ON SCHEMA public TO …',
        cause: error,
      });
    case '53100':
      return new Failure('the disk of the database is full: nothing was written', { cause: error });
    case '25006':
      return new Failure('the database is read-only at present: nothing was written', { cause: error });
    default:
      return error;
  }
};

const HEAD: Query = {
  name: 'head',
  text: `SELECT position, hash, answers, home, timeline = ${TIMELINE} AS "isSettled"
    FROM innernet_heads WHERE network = $1`,
};

export const headOf = async (session: Session, network: string): Promise<DatabaseHead | undefined> =>
  (await session.query<DatabaseHead>(HEAD, [network]))[0];

const HASH_AT: Query = {
  name: 'hash-at',
  text: 'SELECT hash FROM innernet_events WHERE network = $1 AND position = $2',
};

/** `NO_HASH` at 0; undefined beyond the head. */
export const hashAt = async (
  session: Session,
  network: string,
  position: Position,
): Promise<Hash | undefined> =>
  position === 0 ? NO_HASH : (await session.query<{ hash: Hash }>(HASH_AT, [network, position]))[0]?.hash;

const BEGIN_LOG: Query = {
  name: 'begin-log',
  text: `INSERT INTO innernet_heads (network, position, hash, answers, home, timeline)
    VALUES ($1, 0, '${NO_HASH}', 0, $2, ${TIMELINE}) ON CONFLICT DO NOTHING`,
};

export const beginLog = async (session: Session, network: string, home: Home): Promise<void> => {
  await session.query(BEGIN_LOG, [network, home]);
};

const EVENT = `position bigint, "commitEnd" bigint, id text, "commandId" text, type text, "recordedAt" text,
  actor text, body text, salt text, digest text, hash text`;
const EVENT_CELLS = `r.position, r."commitEnd", r.id, r."commandId", r.type, r."recordedAt", r.actor, r.body,
  decode(r.salt, 'hex'), r.digest, r.hash`;
const ANSWER =
  'ordinal bigint, actor text, "commandId" text, "commandDigest" text, "from" bigint, "to" bigint';

/** The head's row is compared and set; who comes second finds none. */
const appendWhere = (where: string): string => `
  WITH h AS (UPDATE innernet_heads SET position = $4, hash = $5, answers = answers + $6
    WHERE network = $1 AND position = $2 AND hash = $3 AND ${where} RETURNING answers),
  e AS (INSERT INTO innernet_events SELECT $1, ${EVENT_CELLS}
    FROM json_to_recordset($7) AS r (${EVENT}) WHERE EXISTS (SELECT FROM h)),
  c AS (INSERT INTO innernet_commits SELECT $1, h.answers - $6 + r.ordinal, r.actor, r."commandId",
    r."commandDigest", r."from", r."to" FROM h, json_to_recordset($8) AS r (${ANSWER}))
  SELECT h.answers, pg_notify('${CHANNEL}', $1) FROM h`;

const FILL: Query = { name: 'fill', text: appendWhere(`home = 'moving'`) };
const APPEND: Query = { name: 'append', text: appendWhere(`home = 'here' AND timeline = ${TIMELINE}`) };

/** Appends what was sealed on `before`; gives the number of its last answer, or undefined where it did not fit. */
const appended =
  (query: Query) =>
  async (
    session: Session,
    network: string,
    before: Head,
    { commits, head }: Sealed,
  ): Promise<number | undefined> => {
    const events = commits.flatMap(({ records }) => records.map(rowOf));
    const answers = commits.map(({ records: _, ...answer }, index) => ({ ...answer, ordinal: index + 1 }));
    const [row] = await session.query<{ answers: number }>(query, [
      ...[network, before.position, before.hash, head.position, head.hash],
      ...[commits.length, JSON.stringify(events), JSON.stringify(answers)],
    ]);
    return row?.answers;
  };

export type Sealed = { commits: readonly (Commit & { records: readonly EventRecord[] })[]; head: Head };

export const appendSealed = appended(APPEND);
/** Into a log that is moving here. */
export const fillSealed = appended(FILL);

const rowOf = (record: EventRecord) => ({ ...record, salt: Buffer.from(record.salt).toString('hex') });

const ANSWERS_AFTER: Query = {
  name: 'answers-after',
  text: `SELECT number, actor, command_id AS "commandId", digest AS "commandDigest", from_position AS "from",
      to_position AS "to" FROM innernet_commits WHERE network = $1 AND number > $2 ORDER BY number LIMIT $3`,
};

const RECORDS_IN: Query = {
  name: 'records-in',
  text: `SELECT position, commit_end AS "commitEnd", id, command_id AS "commandId", type, recorded_at AS "recordedAt",
      actor, body, salt, digest, hash
    FROM innernet_events WHERE network = $1 AND position > $2 AND position <= $3 ORDER BY position`,
};

const PAGE_COMMITS = 200;

/** The next commits after a number of answers, none at the end. */
export const commitsAfter = async (
  session: Session,
  network: string,
  answers: number,
): Promise<NumberedCommit[]> => {
  const found = await session.query<Omit<NumberedCommit, 'records'>>(ANSWERS_AFTER, [
    network,
    answers,
    PAGE_COMMITS,
  ]);
  const [first, last] = [found[0], found.at(-1)];
  if (!first || !last) return [];
  const records = await session.query<EventRecord>(RECORDS_IN, [network, first.from, last.to]);
  return found.map((commit) => ({
    ...commit,
    records: records.slice(commit.from - first.from, commit.to - first.from),
  }));
};

const MOVE: Query = {
  name: 'move',
  text: `UPDATE innernet_heads SET home = $3, timeline = ${TIMELINE} WHERE network = $1 AND home = $2 RETURNING home`,
};

/** Whether the log was at `from`, and is at `to` now. */
export const moveHome = async (session: Session, network: string, from: Home, to: Home): Promise<boolean> =>
  (await session.query(MOVE, [network, from, to])).length > 0;

const SETTLE: Query = {
  name: 'settle',
  text: `UPDATE innernet_heads SET timeline = ${TIMELINE} WHERE network = $1 AND position = $2 AND hash = $3`,
};

/** Appends are taken again after a failover, at a head that is known to be whole. */
export const settle = async (session: Session, network: string, head: Head): Promise<void> => {
  await session.query(SETTLE, [network, head.position, head.hash]);
};

export type { Committed };
