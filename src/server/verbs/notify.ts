/** `innernet-server notify`: runs a program for each new event of a log, at least once and in order. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid } from '../../cli/local-change.ts';
import { momentIn } from '../../cli/moments.ts';
import type { Past } from '../../cli/plane.ts';
import { answer, jsonText, note } from '../../cli/print.ts';
import { Clock, lineOf } from '../../cli/telling.ts';
import { stopSignal } from '../../machine/stop-signal.ts';
import type { AnswerTo, QuestionOf, Told } from '../../protocol/past.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { filesOf } from '../disk/files.ts';
import { attempt } from '../notify/attempt.ts';
import { type Cursor, checkCursor, readCursor, writeCursor } from '../notify/cursor.ts';
import { LocalPast } from '../past/local-past.ts';
import type { NotifyOptions } from './options.ts';

/** A stop comes between two pages at the latest. */
const PAGE_ENTRIES = 100;
/** Of events that a dry run names. */
const MAX_NAMED = 1000;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 5 * 60_000;

const ProgramPath = z.string().min(1, 'name a program');

const say = (text: string): void => note(`innernet-server: ${text}`);

type Call = {
  network: InterfaceName;
  program: string;
  /** Empty: all. */
  types: string[];
  /** Where the cursor is. */
  file: string;
  json: boolean;
};

/** Throws a `Failure`: an unknown type, an unusable cursor, or one that another process goes on with. */
export const notify = async (network: InterfaceName, options: NotifyOptions): Promise<void> => {
  const program = await new Questions(options).text({
    flag: '--exec',
    question: 'Program to run for each event',
    given: options.exec,
    schema: ProgramPath,
  });
  const types = (options.type ?? []).flatMap((each) => each.split(','));
  const file = options.cursor ?? filesOf(network, options).notified;
  const call = { network, program, types, file, json: options.json ?? false };
  const stopped = stopSignal(); // also one that comes during the start
  const past = await LocalPast.open(network, options);
  try {
    const lock = options.dryRun ? undefined : lockOf(file);
    try {
      const start = await startOf(past, call, options);
      const changes = options.dryRun ? await ordersOf(past, call, start) : [];
      if (!isOnlySaid({ network, changes }, options)) await goOn(past, call, start, stopped);
    } finally {
      lock?.release();
    }
  } finally {
    await past.close();
  }
};

const lockOf = (file: string): ProcessLock => {
  try {
    return ProcessLock.take(file, `a notify with the cursor ${file}`);
  } catch (cause) {
    if (!(cause instanceof Failure)) throw cause;
    throw new Failure(cause.message, { hint: 'name another file for this one: --cursor', cause });
  }
};

const questionOf = ({ types }: Call, after: number): QuestionOf<'history'> => ({
  ask: 'history',
  after,
  limit: PAGE_ENTRIES,
  ...(types.length > 0 ? { types } : {}),
});

/** A cursor counts more than `--since`: a service says the same words at each start. */
const startOf = async (past: Past, call: Call, { since, dryRun }: NotifyOptions): Promise<Cursor> => {
  const kept = readCursor(call.file);
  if (kept) await checkCursor(past, call.file, kept);
  const start = kept ?? (await beginning(past, since));
  await past.ask({ ...questionOf(call, start.position), until: start.position }); // refuses unknown types
  if (kept && since !== undefined)
    say(`goes on after position ${kept.position}, as ${call.file} says; --since is for the first start`);
  if (!kept && !dryRun) await writeCursor(call.file, start);
  return start;
};

const beginning = async (past: Past, since: string | undefined): Promise<Cursor> => {
  const { networkId, position, hash } = await past.ask({ ask: 'head' });
  if (since === undefined) return { networkId, position, hash };
  const place = await past.ask({ ask: 'place', at: momentIn('--since', since), orBeginning: true });
  return { networkId, position: place.position, hash: place.hash };
};

const ordersOf = async (past: Past, call: Call, start: Cursor): Promise<string[]> => {
  const { program, types, file } = call;
  const head = await past.ask({ ask: 'head' });
  const clock = new Clock({});
  const orders: string[] = [];
  let after: number = start.position;
  while (after < head.position && orders.length < MAX_NAMED) {
    const page = await past.ask({ ...questionOf(call, after), until: head.position });
    for (const { position, sentence } of page.entries)
      orders.push(`run ${program} for position ${position}: ${clock.sentence(sentence)}`);
    after = page.end;
  }
  const which = types.length > 0 ? types.join(' and ') : 'event';
  return [
    ...orders,
    `run ${program} for each ${which} after position ${after}, and note in ${file} how far it is`,
  ];
};

const goOn = async (past: Past, call: Call, start: Cursor, stopped: Promise<void>): Promise<void> => {
  const stop = new AbortController();
  void stopped.then(() => stop.abort());
  let after: number = start.position;
  while (!stop.signal.aborted) {
    const asked = past.ask({ ...questionOf(call, after), wait: true });
    const page = await Promise.race([asked, stopped]);
    if (!page) return;
    for (const entry of page.entries) if (!(await handOver(call, start, entry, stop.signal))) return;
    after = page.end;
  }
};

/** False at a stop: the event comes again at the next start. */
const handOver = async (
  call: Call,
  { networkId }: Pick<AnswerTo<'head'>, 'networkId'>,
  entry: Told,
  stop: AbortSignal,
): Promise<boolean> => {
  if (!(await untilTaken(call, entry, stop))) return false;
  await writeCursor(call.file, { networkId, position: entry.position, hash: entry.hash });
  answer(call.json ? jsonText(entry) : lineOf(entry, new Clock({})));
  return true;
};

/** The first failure is said, and the end of a row of them. */
const untilTaken = async ({ network, program }: Call, entry: Told, stop: AbortSignal): Promise<boolean> => {
  const text = `${jsonText({ network, ...entry })}\n`;
  for (let failures = 0; !stop.aborted; failures += 1) {
    const trouble = await attempt(program, text, stop);
    if (trouble === undefined) {
      if (failures > 0) say(`${program} has taken position ${entry.position} after ${failures} failures`);
      return true;
    }
    if (failures === 0 && !stop.aborted)
      say(
        `warning: ${program} ${trouble} for position ${entry.position} (${entry.type}): it is tried again until it ends with 0`,
      );
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, MAX_PAUSE_MS);
    await sleep(pause, undefined, { signal: stop }).catch(() => undefined);
  }
  return false;
};
