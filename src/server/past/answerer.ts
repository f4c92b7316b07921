/** Questions to a log as others put them: who asks decides what is told, and the answer is bytes to be passed on. */
import type { Rejection } from '../../domain/rejection.ts';
import type { AnswerTo, Asked, Question } from '../../protocol/past.ts';
import type { EventLog } from '../../store/log.ts';
import type { Position } from '../../values/id.ts';
import { digestsIn } from './digests.ts';
import { type Asker, OwnPast, type Sight } from './own-past.ts';
import { type Bearers, LogPast } from './past.ts';

/** A question and who asks it: without `asker` an admin, who is told everything. */
export type Inquiry = { question: Question; bearers: Bearers; asker?: Asker };

/** JSON as UTF-8, and how long it took to find, in milliseconds. */
export type Answered = { bytes: Uint8Array; work: number };

/** Answers from a log, wherever that is done. */
export interface Answerer {
  /** Throws `Failure` where there is no answer, `AdminsOnly` where there is none for who asks. */
  answer(inquiry: Inquiry, sight: Sight): Promise<Answered>;
  /** What the log knows of why a rule refused. */
  backgroundOf(rejection: Rejection): Promise<string | undefined>;
  /** The digests of the records in (after, to] as JSON, without brackets, each with a comma after it. */
  digests(after: Position, to: Position): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** In this very thread. */
export class NearAnswerer implements Answerer {
  readonly #log: EventLog;
  readonly #past: LogPast;

  constructor(log: EventLog) {
    this.#log = log;
    this.#past = new LogPast(log);
  }

  async answer({ question, bearers, asker }: Inquiry, sight: Sight): Promise<Answered> {
    const begin = performance.now();
    const answer: AnswerTo<Asked> = asker
      ? await new OwnPast(this.#past, asker, sight).ask(question, bearers)
      : await this.#past.ask(question, bearers);
    const bytes = new TextEncoder().encode(JSON.stringify(answer));
    return { bytes, work: performance.now() - begin };
  }

  async backgroundOf(rejection: Rejection): Promise<string | undefined> {
    return this.#past.backgroundOf(rejection);
  }

  digests(after: Position, to: Position): Promise<Uint8Array> {
    return digestsIn(this.#log.queries, after, to);
  }

  async close(): Promise<void> {}
}
