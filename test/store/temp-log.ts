// Real logs in temporary folders, closed and removed when the test is over.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { actorText } from '../../src/events/actor.ts';
import type { NetworkEvent } from '../../src/events/schema.ts';
import { sha256Text } from '../../src/machine/sha256.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import type { AppendResult, EventLog, NewCommit } from '../../src/store/log.ts';
import { type OpenOptions, openSqliteLog, type SqliteLog } from '../../src/store/sqlite-log.ts';
import type { Timestamp } from '../../src/values/time.ts';

export const OPERATOR = actorText({ kind: 'operator', uid: 0, user: 'ann' });
export const NOON = '2026-11-22T12:00:00.000Z' as Timestamp;

/** An empty folder that is gone after the test. */
export const tempFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'innernet-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

let commands = 0;

/** A commit of these events; the command's id is a new one unless given. */
export const commitOf = (
  events: readonly NetworkEvent[],
  commandId = `command-${++commands}`,
): NewCommit => ({
  actor: OPERATOR,
  commandId,
  commandDigest: sha256Text(commandId),
  recordedAt: NOON,
  events,
});

/** Opens `file`, or a new log in a folder of its own; closed when the test is over. */
export const tempLog = async (options: Partial<OpenOptions> = {}): Promise<SqliteLog> => {
  const log = await openSqliteLog({
    file: options.file ?? join(tempFolder(), 'acme.events'),
    readModels: READ_MODELS,
    mode: options.file ? 'open' : 'create',
    ...options,
  });
  onTestFinished(() => log.close());
  return log;
};

type Committed = Extract<AppendResult, { kind: 'committed' }>;

/** Appends one commit for each list of events at the end of the log. */
export const append = async (log: EventLog, ...commits: NewCommit[]): Promise<Committed> => {
  const { position } = await log.head();
  const result = await log.append(position, commits);
  if (result.kind !== 'committed') throw new Error(`the log answered ${result.kind}`);
  return result;
};
