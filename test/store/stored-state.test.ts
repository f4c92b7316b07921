// Stored states: found when they fit, passed over when anything is wrong with them.
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { StoredState } from '../../src/store/log.ts';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { acme } from '../acme.ts';
import { append, commitOf, tempLog } from './temp-log.ts';

/** A log with a state saved at each of its commits: 4, 5, 6, 7. */
const saved = async (options = {}): Promise<{ log: SqliteLog; states: StoredState[] }> => {
  const log = await tempLog(options);
  const states: StoredState[] = [];
  for (const events of [acme.created, [acme.humans], [acme.engineers], [acme.bakers]]) {
    const { head } = await append(log, commitOf(events));
    const state = { ...head, codeVersion: '1', body: JSON.stringify({ at: head.position }) };
    await log.saveState(state);
    states.push(state);
  }
  return { log, states };
};

const change = (log: SqliteLog, sql: string) => {
  const db = new Database(log.file);
  db.exec(sql);
  db.close();
};

it('gives the newest at or before a position, and keeps three', async () => {
  const { log, states } = await saved();
  expect(await log.loadState('1', 100)).toEqual(states[3]);
  expect(await log.loadState('1', 6)).toEqual(states[2]);
  expect(await log.loadState('1', 4)).toBeUndefined();
});

it('gives none of another code version', async () => {
  const { log } = await saved();
  expect(await log.loadState('2', 100)).toBeUndefined();
});

it('keeps a state of any size', async () => {
  const { log } = await saved();
  const state = { ...(await log.head()), codeVersion: '1', body: 'ü€😀x'.repeat(600_001) };
  await log.saveState(state);
  expect((await log.loadState('1', 100))?.body === state.body).toBe(true);
});

it('can be thrown away', async () => {
  const { log } = await saved();
  await log.dropStates();
  expect(await log.loadState('1', 100)).toBeUndefined();
});

describe.each([
  ['a changed body', `UPDATE stored_state_pieces SET body = x'7b7d' WHERE position = 7`],
  ['a missing piece', `DELETE FROM stored_state_pieces WHERE position = 7`],
  ['the state of another history', `UPDATE stored_states SET hash = '${NO_HASH}' WHERE position = 7`],
  ['one that was cut short while saved', `DELETE FROM stored_states WHERE position = 7`],
])('%s', (_, sql) => {
  it('is passed over for the one before', async () => {
    const { log, states } = await saved();
    change(log, sql);
    expect(await log.loadState('1', 100)).toEqual(states[2]);
  });
});
