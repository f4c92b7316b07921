/** The one loop that follows a log, commit by commit. */
import type { Position } from '../values/id.ts';
import { type RecordedCommit, wholeCommits } from './commit.ts';
import type { EventLog } from './log.ts';

/** Records read at once; a commit may be longer. */
const PAGE_RECORDS = 1_000;

type Readable = Pick<EventLog, 'read'>;

/** The next commits, none at the log's end. `after` must end a commit. Throws `UnknownEventType`. */
export const readCommits = async (
  log: Readable,
  after: Position,
  page = PAGE_RECORDS,
): Promise<RecordedCommit[]> => {
  let records = await log.read(after, page);
  for (;;) {
    const { commits } = wholeCommits(records);
    if (commits.length > 0 || records.length === 0) return commits;
    const more = await log.read(records.at(-1)?.position ?? after, page);
    if (more.length === 0) throw new Error(`the log ends within the commit after position ${after}`);
    records = [...records, ...more];
  }
};

/**
 * Hands over every commit in (after, until], by default to the head; returns the last position. Awaits only
 * promises, for speed: there may be a million events.
 */
export const replay = async (
  log: Readable,
  after: Position,
  onCommit: (commit: RecordedCommit) => void | Promise<void>,
  until = Number.POSITIVE_INFINITY,
): Promise<Position> => {
  let position = after;
  for (;;) {
    const commits = await readCommits(log, position);
    if (commits.length === 0) return position;
    for (const commit of commits) {
      if (commit.to > until) return position;
      const pause = onCommit(commit);
      if (pause instanceof Promise) await pause;
      position = commit.to;
    }
  }
};

/** Works now and after each growth of the log, never twice at once, until the signal or an error. */
export const onGrowth = async (
  log: Pick<EventLog, 'wake'>,
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> => {
  const bell = new Bell();
  const unsubscribe = log.wake(() => bell.ring());
  const onAbort = () => bell.ring();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      await work();
      await bell.rung();
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', onAbort);
  }
};

class Bell {
  #ringing = false;
  #hear: (() => void) | undefined;

  ring(): void {
    this.#ringing = true;
    this.#hear?.();
  }

  async rung(): Promise<void> {
    if (!this.#ringing) await new Promise<void>((resolve) => (this.#hear = resolve));
    this.#ringing = false;
    this.#hear = undefined;
  }
}
