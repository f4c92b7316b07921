/** The one loop by which anybody follows a log: what is there already, then what comes, commit by commit. */
import type { Position } from '../values/id.ts';
import { type RecordedCommit, wholeCommits } from './commit.ts';
import type { EventLog } from './log.ts';

/** Records read at once; a commit may be longer. */
const PAGE = 1_000;

type Readable = Pick<EventLog, 'read'>;

/**
 * The next commits after a position, whole and in order; none when the log ends there. The position must be the
 * end of a commit. Throws `UnknownEventType`.
 */
export const readCommits = async (log: Readable, after: Position, page = PAGE): Promise<RecordedCommit[]> => {
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
 * Hands over every commit in (after, until]; where there is no `until`, up to the head. Waits where `onCommit`
 * returns a promise, and only there: folding a million events into a state must not pay for it. Returns where it
 * ended.
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

/**
 * Does some work now, and again whenever the log may have grown, one turn after the other, until the signal. What the
 * work throws ends it.
 */
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

/** Remembers that it was rung until somebody has heard it. */
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
