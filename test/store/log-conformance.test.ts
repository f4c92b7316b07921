// One suite for every engine of the log; engines with one line wrong show that it bites.
import { describe, expect, it } from 'vitest';
import type { EventLog } from '../../src/store/log.ts';
import type { LogQueries } from '../../src/store/queries.ts';
import { CASES, type Engine } from './log-conformance.ts';
import { Memory, MemoryLog } from './memory-log.ts';
import { tempLog } from './temp-log.ts';

const sqlite: Engine = {
  name: 'SQLite',
  create: async () => {
    const log = await tempLog();
    return { log, other: () => tempLog({ file: log.file }) };
  },
  restored: (file) => tempLog({ file }),
};

/** `tampered` makes another log of each that is opened. */
const memory = (tampered: (log: MemoryLog) => EventLog = (log) => log): Engine => ({
  name: 'memory',
  create: async () => {
    const shared = new Memory();
    return { log: tampered(new MemoryLog(shared)), other: async () => tampered(new MemoryLog(shared)) };
  },
  restored: async (file) => MemoryLog.restored(file),
});

describe.each([sqlite, memory()])('a log in $name', (engine) => {
  it.each(CASES)('$title', ({ run }) => run(engine));
});

/** The log with other methods in place of its own. */
const withOther = (log: MemoryLog, other: Partial<EventLog>): EventLog =>
  new Proxy<EventLog>(log, {
    get: (_, name) => {
      const value = other[name as keyof EventLog] ?? log[name as keyof EventLog];
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(log) : value;
    },
  });

const answering = (other: (queries: LogQueries) => Partial<LogQueries>): Engine =>
  memory((log) =>
    withOther(log, {
      queries: new Proxy<LogQueries>(log.queries, {
        get: (queries, name) => {
          const value = other(queries)[name as keyof LogQueries] ?? queries[name as keyof LogQueries];
          return (value as (...args: unknown[]) => unknown).bind(queries);
        },
      }),
    }),
  );

const SABOTAGES: { [what: string]: Engine } = {
  'an append forgets to compare the position': memory((log) =>
    withOther(log, { append: async (_, commits) => log.append((await log.head()).position, commits) }),
  ),
  'a known command id is taken again': memory((log) =>
    withOther(log, {
      append: (expected, commits) =>
        log.append(
          expected,
          commits.map((commit, index) => ({
            ...commit,
            commandId: `${commit.commandId} ${expected} ${index}`,
          })),
        ),
    }),
  ),
  'an answer without events is not kept': memory((log) =>
    withOther(log, {
      append: (expected, commits) =>
        log.append(
          expected,
          commits.filter(({ events }) => events.length > 0),
        ),
    }),
  ),
  'answers are found without their actor': memory((log) =>
    withOther(log, {
      commitOf: async (actor, id) =>
        (await log.commitOf(actor, id)) ??
        (await log.commitOf('{"kind":"operator","uid":0,"user":"ann"}', id)),
    }),
  ),
  'a page begins one too late': memory((log) =>
    withOther(log, { read: (after, limit) => log.read(after + 1, limit) }),
  ),
  'nobody is woken': memory((log) => {
    const own = new Set<() => void>();
    return withOther(log, {
      wake: (listener) => {
        own.add(listener);
        return () => void own.delete(listener);
      },
      append: async (expected, commits) => {
        const result = await log.append(expected, commits);
        for (const listener of own) setImmediate(listener);
        return result;
      },
    });
  }),
  'the witness says less than the head': memory((log) =>
    withOther(log, {
      witness: async () => {
        const seen = await log.witness();
        return seen && { ...seen, position: seen.position - 1 };
      },
    }),
  ),
  'a state of another history is given': memory((log) =>
    withOther(log, { loadState: async (_, until) => log.loadState('1', until) }),
  ),
  'a filter by actor is ignored': answering((queries) => ({
    records: ({ actors: _, ...filter }, stretch) => queries.records(filter, stretch),
  })),
  'the newest come first whatever is asked': answering((queries) => ({
    records: (filter, stretch) => queries.records(filter, { ...stretch, reverse: true }),
  })),
  'a pair is judged by what came later': answering((queries) => ({
    recordsOfPair: (pair) => queries.recordsOfPair(pair, 1_000),
  })),
  'the newest name has no end': answering((queries) => ({
    namesOf: (...asked) => queries.namesOf(...asked).map((span) => ({ ...span, until: span.until + 1 })),
  })),
  'the gone are not listed': answering((queries) => ({
    peers: (where) => queries.peers(where).filter(({ ended }) => ended === null),
  })),
  'times are those of the end': answering((queries) => ({
    lastRecordedBy: (_, after, to) => queries.lastRecordedBy('9999' as never, after, to),
  })),
};

describe('the suite is red where', () => {
  it.each(Object.entries(SABOTAGES))('%s', { timeout: 20_000 }, async (_, engine) => {
    const red: string[] = [];
    for (const { title, run } of CASES) {
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error('late')), 1_000).unref());
      await Promise.race([run(engine), late]).catch(() => red.push(title));
    }
    expect(red).not.toEqual([]);
  });
});
