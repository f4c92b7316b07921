/** Record times of a log: the earliest of each thousand records. */
import { setImmediate } from 'node:timers/promises';
import type { EventLog } from '../../store/log.ts';
import type { Position } from '../../values/id.ts';
import type { Timestamp } from '../../values/time.ts';

/** A million records need a thousand times. */
const STRIDE_RECORDS = 1_000;

/** The last block of a log may still grow; all others never change. */
export class RecordedTimes {
  readonly #log: Pick<EventLog, 'queries' | 'head'>;
  readonly #stride: number;
  readonly #earliest: Timestamp[] = [];

  constructor(log: Pick<EventLog, 'queries' | 'head'>, stride = STRIDE_RECORDS) {
    this.#log = log;
    this.#stride = stride;
  }

  /**
   * The last position recorded at or before a time; undefined if the log begins later. Clocks may go back, so
   * an earlier position can have a later time.
   */
  async lastAt(time: Timestamp): Promise<Position | undefined> {
    const { position: head } = await this.#log.head();
    for (let block = Math.ceil(head / this.#stride) - 1; block >= 0; block -= 1) {
      const earliest = this.#earliest[block] ?? (await this.#read(block, head));
      if (earliest !== undefined && earliest <= time) return this.#lastIn(block, head, time);
    }
    return undefined;
  }

  /** In slices: the first question about long ago reads the whole log. */
  async #read(block: number, head: Position): Promise<Timestamp | undefined> {
    const earliest = this.#log.queries.earliest(...this.#bounds(block, head));
    if (!earliest) return undefined;
    if ((block + 1) * this.#stride <= head) this.#earliest[block] = earliest;
    await setImmediate();
    return earliest;
  }

  #lastIn(block: number, head: Position, time: Timestamp): Position | undefined {
    return this.#log.queries.lastRecordedBy(time, ...this.#bounds(block, head));
  }

  #bounds(block: number, head: Position): [after: Position, to: Position] {
    return [block * this.#stride, Math.min(head, (block + 1) * this.#stride)];
  }
}
