/** The network that commands are decided on: it may run ahead of its log, and is made anew where that came to nothing. */
import type { Command } from '../../domain/command.ts';
import { decide } from '../../domain/decide.ts';
import type { Context, Decision } from '../../domain/decision.ts';
import type { Network } from '../../domain/network.ts';
import type { NetworkEvent } from '../../events/schema.ts';
import { eventOf } from '../../events/upcast.ts';
import type { EventLog } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import type { Position } from '../../values/id.ts';

/** Records read at once. */
const PAGE = 1_000;

export class TentativeNetwork {
  readonly #log: Pick<EventLog, 'head' | 'read'>;
  readonly #reload: () => Promise<Network>;
  #network: Network;
  /** The last decision's events: not in the network yet, so that a lone command that loses a race costs no reload. */
  #ahead: readonly NetworkEvent[] = [];
  /** Whether the network holds events that are not in the log. */
  #isTentative = false;

  /** `reload` makes the network at the log's end, or near it. */
  constructor(log: Pick<EventLog, 'head' | 'read'>, network: Network, reload: () => Promise<Network>) {
    this.#log = log;
    this.#network = network;
    this.#reload = reload;
  }

  /** The end of the log that decisions are made on. */
  get position(): Position {
    return this.#network.position;
  }

  /** Gets rid of decisions that were not confirmed, and reads what others appended. Throws `Failure`. */
  async catchUp(): Promise<void> {
    if (!this.dropUnconfirmed()) {
      this.#network = await this.#reload();
      this.#isTentative = false;
    }
    const { position } = await this.#log.head();
    if (position < this.position) throw shorterLog(position, this.position);
    while (this.position < position) await this.#readOn(position);
  }

  /** Gets rid of decisions that were not confirmed where that takes no reload; whether it did. */
  dropUnconfirmed(): boolean {
    this.#ahead = [];
    return !this.#isTentative;
  }

  /** Decides on what the earlier decisions since then will have done. */
  decide(command: Command, context: Context): Decision {
    this.#takeAhead();
    const decision = decide(this.#network, command, context);
    if (decision.accepted) this.#ahead = decision.events;
    return decision;
  }

  /** All decisions since `catchUp` are in the log now, which ends at this position. */
  confirm(position: Position): void {
    this.#takeAhead();
    this.#network.position = position;
    this.#isTentative = false;
  }

  async #readOn(until: Position): Promise<void> {
    const records = await this.#log.read(this.position, PAGE);
    const end = records.at(-1)?.position;
    if (end === undefined) throw shorterLog(this.position, until);
    this.#network.advance(records.map(eventOf), end);
  }

  #takeAhead(): void {
    this.#isTentative ||= this.#ahead.length > 0;
    for (const event of this.#ahead) this.#network.evolve(event);
    this.#ahead = [];
  }
}

const shorterLog = (end: Position, known: Position): Failure =>
  new Failure(`the log ends at position ${end}, but it has reached ${known} before`, {
    hint: 'somebody put another file in its place: start this program again',
  });
