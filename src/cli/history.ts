/** The verb history: a network's events, filtered, one sentence or object a line, and what follows. */

import { stopSignal } from '../machine/stop-signal.ts';
import type { QuestionOf, Told } from '../protocol/past.ts';
import { momentIn } from './moments.ts';
import { type Outlet, outlet } from './pager.ts';
import type { Past } from './plane.ts';
import { jsonLine, jsonText } from './print.ts';
import { Clock, lineOf } from './telling.ts';
import { Usage } from './usage.ts';

export type HistoryOptions = {
  since?: string;
  until?: string;
  type?: string[];
  actor?: string;
  about?: string;
  limit?: number;
  reverse?: true;
  follow?: true;
  json?: true;
  utc?: true;
  pager: boolean;
};

const MAX_PAGE_ENTRIES = 1000;

type Ask = QuestionOf<'history'>;
type Stretch = { after: number; until: number | undefined };

const positionOf = async (
  past: Past,
  flag: string,
  { since, until, utc }: HistoryOptions,
): Promise<number | undefined> => {
  const text = flag === '--since' ? since : until;
  if (text === undefined) return undefined;
  const at = momentIn(flag, text, { utc: utc ?? false });
  const { position } = await past.ask({
    ask: 'place',
    at,
    orBeginning: flag === '--since',
  } as QuestionOf<'place'>);
  return position;
};

/** `--since 12` begins after position 12, `--until 12` includes it. */
const stretchOf = async (past: Past, options: HistoryOptions): Promise<Stretch> => {
  const after = (await positionOf(past, '--since', options)) ?? 0;
  const until = await positionOf(past, '--until', options);
  if (until !== undefined && until < after)
    throw new Usage(`--until is position ${until}, and --since comes after it: position ${after}`);
  return { after, until };
};

const filterOf = ({ type, actor, about, reverse, json }: HistoryOptions): Partial<Ask> => ({
  ...(json ? { wordless: true } : {}),
  ...(type === undefined ? {} : { types: type.flatMap((each) => each.split(',')) }),
  ...(actor === undefined ? {} : { actor }),
  ...(about === undefined ? {} : { about }),
  ...(reverse ? { reverse } : {}),
});

/** Writes pages until the end, the limit, or a closed reader. Keeps the last position. */
class Telling {
  readonly #past: Past;
  readonly #options: HistoryOptions;
  readonly #out: Outlet;
  readonly #clock: Clock;
  #left: number;

  constructor(past: Past, options: HistoryOptions, out: Outlet) {
    this.#past = past;
    this.#options = options;
    this.#out = out;
    this.#clock = new Clock(options);
    this.#left = options.limit ?? Number.POSITIVE_INFINITY;
  }

  get isOver(): boolean {
    return this.#left <= 0 || !this.#out.isOpen;
  }

  async tell({ after, until }: Stretch): Promise<number> {
    const { reverse } = this.#options;
    const last = until ?? (await this.#past.ask({ ask: 'head' })).position;
    let [from, to] = [after, last];
    while (from < to && !this.isOver) {
      const end = await this.page({ after: from, until: to });
      if (reverse) to = end;
      else from = end;
    }
    return last;
  }

  async page(stretch: { after: number; until?: number; wait?: true }): Promise<number> {
    const limit = Math.min(MAX_PAGE_ENTRIES, this.#left);
    const question = { ask: 'history', ...filterOf(this.#options), ...stretch, limit } as Ask;
    const { lines, end } = await this.#linesOf(question);
    this.#left -= lines.length;
    await this.#out.write(lines.map((line) => `${line}\n`).join(''));
    return end;
  }

  async #linesOf(question: Ask): Promise<{ lines: string[]; end: number }> {
    if (this.#options.json && this.#past.texts) {
      const { texts, end } = await this.#past.texts(question);
      return { lines: texts.map(jsonLine), end };
    }
    const { entries, end } = await this.#past.ask(question);
    return { lines: entries.map((entry) => this.#line(entry)), end };
  }

  #line(entry: Told): string {
    if (!this.#options.json) return lineOf(entry, this.#clock);
    const { position, id, commandId, recordedAt, actor, type, data, hash } = entry;
    return jsonText({ position, id, commandId, recordedAt, actor, type, data, hash });
  }
}

const goOn = async (telling: Telling, position: number): Promise<void> => {
  const stop = stopSignal().then(() => 'stop' as const);
  let after = position;
  while (!telling.isOver) {
    const next = await Promise.race([telling.page({ after, wait: true }), stop]);
    if (next === 'stop') return;
    after = next;
  }
};

export const history = async (past: Past, options: HistoryOptions): Promise<void> => {
  const { follow, reverse, until, json } = options;
  if (follow && (reverse || until !== undefined))
    throw new Usage(`--follow goes on for ever, so it goes with neither --reverse nor --until`);
  const stretch = await stretchOf(past, options);
  const out = await outlet({ pager: options.pager && !follow && !json });
  const telling = new Telling(past, options, out);
  try {
    const position = await telling.tell(stretch);
    if (follow) await goOn(telling, position);
  } finally {
    await out.end();
  }
};
