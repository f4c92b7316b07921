/** A network that follows its log: own commits are handed over, others read. */
import type { Network } from '../../domain/network.ts';
import type { RecordedCommit } from '../../store/commit.ts';
import { replay } from '../../store/follow.ts';
import type { EventLog } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import type { Position } from '../../values/id.ts';
import { loadNetwork } from './load-network.ts';

type Take = (network: Network, commit: RecordedCommit) => void;

const advance: Take = (network, { events, to }) => network.advance(events, to);

export class LoggedNetwork {
  readonly network: Network;
  readonly #log: Pick<EventLog, 'head' | 'read'>;
  readonly #take: Take;

  /** `take` gets each commit once and must advance the network by it. */
  constructor(log: Pick<EventLog, 'head' | 'read'>, network: Network, take = advance) {
    this.#log = log;
    this.network = network;
    this.#take = take;
  }

  /** Throws `UnknownEventType`. */
  static async load(log: EventLog, take?: Take): Promise<LoggedNetwork> {
    return new LoggedNetwork(log, await loadNetwork(log), take);
  }

  /** Throws `Failure` if the log has become shorter. */
  async catchUp(): Promise<void> {
    const { position } = await this.#log.head();
    if (position < this.network.position) throw shorterLog(position, this.network.position);
    if (position === this.network.position) return;
    await replay(this.#log, this.network.position, (commit) => this.take(commit));
  }

  /** Ignores known commits. */
  take(commit: RecordedCommit): void {
    if (commit.from === this.network.position) this.#take(this.network, commit);
  }
}

const shorterLog = (end: Position, known: Position): Failure =>
  new Failure(`the log ends at position ${end}, but it has reached ${known} before`, {
    hint: 'another file was put in its place: start this program again',
  });
