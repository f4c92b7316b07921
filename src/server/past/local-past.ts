/** The log on this machine, for read-only verbs without conf or key. */

import { existsSync } from 'node:fs';
import type { Past, Texts } from '../../cli/plane.ts';
import { openLog } from '../../projections/open-log.ts';
import type { AnswerTo, Asked, QuestionOf } from '../../protocol/past.ts';
import type { RouterOffers } from '../../protocol/rows.ts';
import type { EventLog } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type Folders, filesOf, logOf } from '../disk/files.ts';
import { rememberedOffers } from '../observations/observation-file.ts';
import { LogPast } from './past.ts';

/** Throws `Failure` if there is none. */
export const openNetworkLog = async (network: InterfaceName, folders: Folders): Promise<EventLog> => {
  const file = logOf(network, filesOf(network, folders));
  if (!existsSync(file)) {
    throw new Failure(`there is no network ${network} here: ${file} is missing`, {
      hint: 'create it: innernet-server new',
    });
  }
  return openLog({ file });
};

export class LocalPast implements Past {
  readonly network: string;
  readonly #log: EventLog;
  readonly #observations: string;
  readonly #past: LogPast;

  private constructor(network: string, log: EventLog, observations: string) {
    this.network = network;
    this.#observations = observations;
    this.#log = log;
    this.#past = new LogPast(log);
  }

  /** Throws `Failure`: no such network here, or an unusable log. */
  static async open(network: InterfaceName, folders: Folders): Promise<LocalPast> {
    const { observations } = filesOf(network, folders);
    return new LocalPast(network, await openNetworkLog(network, folders), observations);
  }

  ask<A extends Asked>(question: QuestionOf<A>): Promise<AnswerTo<A>> {
    return this.#past.ask(question);
  }

  async offers(): Promise<RouterOffers[] | undefined> {
    return rememberedOffers(this.#observations);
  }

  texts(question: QuestionOf<'history'>): Promise<Texts> {
    return this.#past.texts(question);
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}
