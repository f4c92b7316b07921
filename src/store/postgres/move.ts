/** Moves a log into PostgreSQL, and back into its file; each step can be said again after it was cut off. */
import type { Database } from 'better-sqlite3';
import { Failure } from '../../values/failure.ts';
import { type Hash, NO_HASH, type Position } from '../../values/id.ts';
import type { PostgresAddress } from '../../values/postgres-address.ts';
import { withRecords } from '../backup.ts';
import type { Commit, EventLog, Head } from '../log.ts';
import type { ReadModelSet } from '../projection.ts';
import { isReplicaFile, markReplica } from '../replica-mark.ts';
import { openSqliteLog } from '../sqlite-log.ts';
import { checkRecord, type Link } from '../verify.ts';
import { networkOf } from './open.ts';
import { AnswerLost, Session } from './primary.ts';
import { Replicator } from './replicator.ts';
import {
  beginLog,
  checkTables,
  commitsAfter,
  type DatabaseHead,
  explained,
  fillSealed,
  hashAt,
  headOf,
  moveHome,
  prepareTables,
} from './tables.ts';

type Records = Pick<EventLog, 'head' | 'read' | 'networkId'>;
type Progress = (position: Position) => void;

/** Answers in one statement. */
const PAGE = 500;

/** What `move-log` would do, and whether the database can be used. Throws `Failure` as `moveIn`, and changes nothing. */
export const mayMoveIn = (file: string, address: PostgresAddress): Promise<Head> =>
  withSession(address, async (session) => {
    const found = await session.query({
      name: 'has',
      text: `SELECT to_regclass('innernet_heads') AS "table"`,
    });
    const there = (found[0] as { table: string | null }).table && (await headOf(session, networkOf(file)));
    return withRecords(file, async (records) => {
      if (there) await refuseOther(session, file, records, there);
      return records.head();
    });
  });

/**
 * Copies records and answers into the database, reads all of them back, and makes the file a copy. Appends are
 * taken there after `finishMove`. Throws `Failure`: the database cannot be used, or has another network of that name.
 */
export const moveIn = (file: string, address: PostgresAddress, onProgress: Progress): Promise<Head> =>
  withSession(address, async (session) => {
    await prepareTables(session);
    const network = networkOf(file);
    const head = await withRecords(file, async (records, db) => {
      await beginLog(session, network, 'moving');
      const there = (await headOf(session, network)) as DatabaseHead;
      await refuseOther(session, file, records, there);
      if (there.home === 'file') await moveHome(session, network, 'file', 'moving');
      await fill(session, network, { records, db, there, onProgress });
      await verifyThere(session, network, await records.networkId());
      return records.head();
    });
    if (!isReplicaFile(file)) markReplica(file, true);
    return head;
  });

/** The conf says so now: the log is in the database. */
export const finishMove = (file: string, address: PostgresAddress): Promise<void> =>
  withSession(address, async (session) => {
    await moveHome(session, networkOf(file), 'moving', 'here');
  });

/**
 * Stops appends in the database, brings the copy level, and makes it the log. Throws `Failure` where the two do
 * not fit.
 */
export const moveOut = (file: string, address: PostgresAddress, readModels: ReadModelSet): Promise<Head> =>
  withSession(address, async (session) => {
    await checkTables(session);
    const network = networkOf(file);
    await moveHome(session, network, 'here', 'file');
    if (!isReplicaFile(file)) return withRecords(file, (records) => records.head());
    const replica = await openSqliteLog({ file, readModels, isReplica: true });
    try {
      const { home } = await new Replicator(replica, network).level(session);
      if (home !== 'file') throw new Failure(`the log of ${network} is still on its way into the database`);
      await replica.checkStorage();
    } finally {
      await replica.close();
    }
    markReplica(file, false);
    return withRecords(file, (records) => records.head());
  });

const withSession = async <T>(
  address: PostgresAddress,
  work: (session: Session) => Promise<T>,
): Promise<T> => {
  const session = await Session.open(address);
  try {
    return await work(session);
  } catch (error) {
    if (error instanceof AnswerLost)
      throw new Failure("the log's database went away in the middle of it: say the same again", {
        cause: error,
      });
    throw explained(error);
  } finally {
    session.close();
  }
};

/** What is there already must be the beginning of this log, and nobody may append to it there. */
const refuseOther = async (
  session: Session,
  file: string,
  records: Records,
  { position, hash, home }: DatabaseHead,
): Promise<void> => {
  const network = networkOf(file);
  const own = await records.networkId();
  const first = position === 0 ? own : await hashAt(session, network, 1);
  if (first !== own)
    throw new Failure(`the database holds another network that is called ${network}`, {
      hint: 'make a database of its own for this one: createdb …',
    });
  if (home === 'here' && !isReplicaFile(file))
    throw new Failure(
      `the log of ${network} is in that database already, and other servers may write to it`,
      {
        hint: `to serve it here too: put [log] postgres into the conf, and move ${file} away`,
      },
    );
  const [last] = await records.read(position - 1, position === 0 ? 0 : 1);
  if (position === 0 || last?.hash === hash) return;
  throw new Failure(
    `the database has more of ${network} than ${file}, or another history: it ends at ${position} (${hash.slice(0, 10)})`,
    { hint: 'find the file that holds that position, or make another database' },
  );
};

type Filling = { records: Records; db: Database; there: DatabaseHead; onProgress: Progress };

const fill = async (
  session: Session,
  network: string,
  { records, db, there, onProgress }: Filling,
): Promise<void> => {
  // As they were given: those of commands that appended nothing come after the one that ends where they do.
  const page = db.prepare<[number, number], Commit>(
    `SELECT actor, command_id AS commandId, digest AS commandDigest, from_position AS "from", to_position AS "to"
     FROM commits ORDER BY to_position, from_position = to_position, actor, command_id LIMIT ? OFFSET ?`,
  );
  let [head, answers]: [Head, number] = [there, there.answers];
  for (;;) {
    const found = page.all(PAGE, answers);
    const last = found.at(-1);
    if (!last) return;
    const commits = await Promise.all(
      found.map(async (commit) => ({
        ...commit,
        records: await records.read(commit.from, commit.to - commit.from),
      })),
    );
    const [end] = last.to === 0 ? [] : await records.read(last.to - 1, 1);
    const next = { position: last.to, hash: end?.hash ?? head.hash };
    const filled = await fillSealed(session, network, head, { commits, head: next });
    if (filled !== answers + found.length)
      throw new Failure('another program fills the same log', { hint: 'wait until it is through' });
    [head, answers] = [next, filled];
    onProgress(head.position);
  }
};

/** Reads back all that was written, by the rules of `verify`. */
const verifyThere = async (session: Session, network: string, networkId: Hash = NO_HASH): Promise<void> => {
  let previous: Link = { position: 0, hash: NO_HASH, commitEnd: 0 };
  for (let answers = 0; ; ) {
    const commits = await commitsAfter(session, network, answers);
    const last = commits.at(-1);
    if (!last) return;
    for (const record of commits.flatMap((commit) => commit.records)) {
      checkRecord(record, previous, networkId);
      previous = record;
    }
    answers = last.number;
  }
};
