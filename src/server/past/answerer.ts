/** Answers to questions about a log, as bytes, according to the asker. */
import type { Rejection } from '../../domain/rejection.ts';
import type { AnswerTo, Asked, Question } from '../../protocol/past.ts';
import type { EventLog } from '../../store/log.ts';
import type { Position } from '../../values/id.ts';
import { digestsIn } from './digests.ts';
import { type Asker, OwnPast, type Sight } from './own-past.ts';
import { type Bearers, LogPast } from './past.ts';

/** Without `asker`: an admin, who is told everything. */
export type Inquiry = { question: Question; bearers: Bearers; asker?: Asker };

/** UTF-8 JSON, and the milliseconds of work. */
export type Answered = { bytes: Uint8Array; work: number };

export interface Answerer {
  /** Throws `Failure` where there is no answer, `AdminsOnly` for the wrong asker. */
  answer(inquiry: Inquiry, sight: Sight): Promise<Answered>;
  /** Why a rule refused. */
  backgroundOf(rejection: Rejection): Promise<string | undefined>;
  /** Digests of (after, to] as JSON items, each with a trailing comma. */
  digests(after: Position, to: Position): Promise<Uint8Array>;
  close(): Promise<void>;
}

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
