/** `innernet-server history`: the log from its first event, a sentence a line or an object a line, and what follows. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { jsonText } from '../cli/print.ts';
import { History, type HistoryEntry } from '../projections/history.ts';
import { PROJECTIONS } from '../projections/projections.ts';
import type { RecordedCommit } from '../store/commit.ts';
import { follow, replay } from '../store/follow.ts';
import { openLog, type SqliteLog } from '../store/sqlite-log.ts';
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import { filesOf, logOf, type NetworkFiles } from './files.ts';
import type { HistoryOptions } from './options.ts';

/** Characters gathered before they are written: a write for each line would cost more than reading it. */
const PAGE = 64 * 1024;

type Write = (commit: RecordedCommit) => undefined | Promise<void>;

/** Prints the log. With `follow` it goes on until the process is stopped. Throws a `Failure`. */
export const history = async (network: InterfaceName, options: HistoryOptions): Promise<void> => {
  const log = await open(network, filesOf(network, options));
  try {
    const lines = new Lines();
    const write = writerOf(lines, new History(log.database), options);
    const position = await replay(log, 0, write);
    await lines.flush();
    if (options.follow) await goOn(log, position, write, lines);
  } finally {
    await log.close();
  }
};

const open = async (network: InterfaceName, files: NetworkFiles): Promise<SqliteLog> => {
  const file = logOf(network, files);
  if (!existsSync(file)) {
    throw new Failure(`there is no network ${network} here: ${file} is missing`, {
      hint: 'create it: innernet-server new',
    });
  }
  return openLog({ file, projections: PROJECTIONS, writer: 'inline' });
};

const goOn = async (log: SqliteLog, position: number, write: Write, lines: Lines): Promise<void> => {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const writeNow = async (commit: RecordedCommit): Promise<void> => {
    await write(commit);
    await lines.flush();
  };
  await follow(log, position, writeNow, stop.signal);
};

const writerOf =
  (lines: Lines, words: History, { json }: HistoryOptions): Write =>
  (commit) => {
    for (const entry of words.entriesOf(commit)) lines.add(json ? jsonText(entry) : lineOf(words, entry));
    return lines.isLong ? lines.flush() : undefined;
  };

const lineOf = (words: History, entry: HistoryEntry): string =>
  `${String(entry.position).padStart(6)}  ${localTime(entry.recordedAt)}  ${words.describe(entry)}`;

/** `2026-11-22 13:09:00` in the reader's own zone. */
const localTime = (time: string): string => {
  const at = new Date(time);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace('T', ' ');
};

/** Lines on their way to stdout, as fast as its reader takes them and no faster. */
class Lines {
  #text = '';

  add(line: string): void {
    this.#text += `${line}\n`;
  }

  get isLong(): boolean {
    return this.#text.length >= PAGE;
  }

  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
  }
}
