/** Makes a log again from sealed records, byte for byte, in a new file. */
import { setImmediate } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import type { EventRecord } from '../events/record.ts';
import { NO_HASH } from '../values/id.ts';
import { createFile, openDatabase } from './open.ts';
import type { Projection } from './projection.ts';
import { rebuild } from './rebuild.ts';

/** In one transaction. */
const MAX_BATCH_RECORDS = 1_000;

const inserter = (db: Database) => {
  const event = db.prepare(`
    INSERT INTO events (position, commit_end, id, command_id, type, recorded_at, actor, body, salt, digest, hash)
    VALUES (@position, @commitEnd, @id, @commandId, @type, @recordedAt, @actor, @body, @salt, @digest, @hash)`);
  // The log lacks the command itself, so a repeat is refused rather than answered.
  const answer = db.prepare(`
    INSERT INTO commits (actor, command_id, digest, from_position, to_position) VALUES (?, ?, '${NO_HASH}', ?, ?)`);
  let from = 0;
  return db.transaction((records: readonly EventRecord[]) => {
    for (const record of records) {
      event.run(record);
      if (record.commitEnd !== record.position) continue;
      answer.run(record.actor, record.commandId, from, record.position);
      from = record.position;
    }
  });
};

/** Fills a new file. The caller verifies the records, and removes the file if this throws. */
export const writeReplica = async (
  file: string,
  records: AsyncIterable<EventRecord>,
  projections: readonly Projection[],
): Promise<void> => {
  createFile(file);
  const db = openDatabase(file, 'write');
  try {
    const insert = inserter(db);
    let batch: EventRecord[] = [];
    for await (const record of records) {
      batch.push(record);
      if (batch.length < MAX_BATCH_RECORDS) continue;
      insert.immediate(batch);
      batch = [];
      await setImmediate();
    }
    insert.immediate(batch);
    await rebuild(db, projections);
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
};
