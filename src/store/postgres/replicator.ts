/** Brings this machine's copy level with the log in the database, commit by commit, each record checked first. */
import type { EventRecord } from '../../events/record.ts';
import { Failure } from '../../values/failure.ts';
import { NO_HASH } from '../../values/id.ts';
import type { Head } from '../log.ts';
import type { SqliteLog } from '../sqlite-log.ts';
import { checkRecord, DamagedLog, type Link } from '../verify.ts';
import type { Session } from './primary.ts';
import { commitsAfter, type DatabaseHead, hashAt, headOf, type NumberedCommit, settle } from './tables.ts';

/** The database's log is not the one that this machine has seen: nothing is written until a person decides. */
class OtherLog extends Failure {}

export class Replicator {
  readonly #replica: SqliteLog;
  readonly #network: string;

  constructor(replica: SqliteLog, network: string) {
    this.#replica = replica;
    this.#network = network;
  }

  /**
   * Takes what the database has more; gives its head. Throws `OtherLog` where it has less or something else,
   * `Failure` where the network is not there.
   */
  async level(session: Session): Promise<DatabaseHead> {
    const own = await this.#replica.head();
    let answers = await this.#replica.answers();
    const head = await headOf(session, this.#network);
    if (!head) throw noNetwork(this.#network);
    await this.#refuseOther(session, own, head);
    while (answers < head.answers) {
      const commits = await commitsAfter(session, this.#network, answers);
      const last = commits.at(-1);
      if (!last) throw new Error(`the database counts ${head.answers} answers and has ${answers}`);
      await this.#check(commits);
      await this.#replica.take(commits);
      answers = last.number;
    }
    if (head.home === 'here' && !head.isSettled) await settle(session, this.#network, head);
    return head;
  }

  async #refuseOther(session: Session, own: Head, head: DatabaseHead): Promise<void> {
    const there =
      own.position > head.position ? undefined : await hashAt(session, this.#network, own.position);
    if (there === own.hash) return;
    const ours = `this machine has seen ${own.position} (${own.hash.slice(0, 10)})`;
    const theirs = `the database ends at ${head.position} (${head.hash.slice(0, 10)})`;
    if (own.position > head.position && (await this.#contains(head)))
      throw new OtherLog(`the database has lost the end of the log of ${this.#network}: ${ours}, ${theirs}`, {
        hint: 'find the copy of the database, or the server, that has the rest; nothing is written until then',
      });
    throw new OtherLog(`the database has another history of ${this.#network}: ${ours}, ${theirs}`, {
      hint: 'see which of the two the peers have followed; nothing is written until then',
    });
  }

  async #contains({ position, hash }: Head): Promise<boolean> {
    const [record] = await this.#replica.read(position - 1, 1);
    return position === 0 || record?.hash === hash;
  }

  /** What this machine has already is passed over by number of answers, or by `take`. */
  async #check(commits: readonly NumberedCommit[]): Promise<void> {
    const { position } = await this.#replica.head();
    const records = commits
      .flatMap((commit) => commit.records)
      .filter((record) => record.position > position);
    const [first] = records;
    if (!first) return;
    let previous = await this.#linkAt(first.position - 1);
    const networkId = (await this.#replica.networkId()) ?? first.hash;
    for (const record of records) {
      checked(record, previous, networkId);
      previous = record;
    }
    if (previous.commitEnd !== previous.position)
      throw new DamagedLog(previous.position, 'a commit is not whole');
  }

  async #linkAt(position: number): Promise<Link> {
    if (position === 0) return { position: 0, hash: NO_HASH, commitEnd: 0 };
    const [record] = await this.#replica.read(position - 1, 1);
    if (record?.position === position) return record;
    throw new Error(`the copy of the log ends before position ${position}`);
  }
}

const checked = (record: EventRecord, previous: Link, networkId: typeof NO_HASH): void => {
  try {
    checkRecord(record, previous, networkId);
  } catch (error) {
    throw new OtherLog(`in the database, ${(error as Error).message}`, { cause: error });
  }
};

const noNetwork = (network: string): Failure =>
  new Failure(`the database holds no network ${network}`, {
    hint: 'look at [log] postgres in the conf: the networks there are the rows of innernet_heads',
  });
