// Stored states: found when they fit, passed over when anything is wrong with them.
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { StoredState } from '../../src/store/log.ts';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import { stateFiles } from '../../src/store/stored-state.ts';
import { NO_HASH } from '../../src/values/id.ts';
import { acme } from '../acme.ts';
import { append, commitOf, tempLog } from './temp-log.ts';

type Saved = { log: SqliteLog; states: StoredState[]; newest: string; previous: string };

/** A log with a state saved at each of its commits: 4, 5, 6. */
const saved = async (): Promise<Saved> => {
  const log = await tempLog();
  const states: StoredState[] = [];
  for (const events of [acme.created, [acme.humans], [acme.engineers]]) {
    const { head } = await append(log, commitOf(events));
    const state = { ...head, codeVersion: '1', body: JSON.stringify({ at: head.position }) };
    await log.saveState(state);
    states.push(state);
  }
  const [newest, previous] = stateFiles(log.file);
  return { log, states, newest, previous };
};

it('gives the newest at or before a position, and keeps two, which only the owner may read', async () => {
  const { log, states, newest, previous } = await saved();
  expect(await log.loadState('1', 100)).toEqual(states[2]);
  expect(await log.loadState('1', 5)).toEqual(states[1]);
  expect(await log.loadState('1', 4)).toBeUndefined();
  for (const file of [newest, previous]) expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('gives none of another code version', async () => {
  const { log } = await saved();
  expect(await log.loadState('2', 100)).toBeUndefined();
});

it('keeps a state of any size', async () => {
  const { log } = await saved();
  const state = { ...(await log.head()), codeVersion: '1', body: 'ü€😀x\n'.repeat(600_001) };
  await log.saveState(state);
  expect((await log.loadState('1', 100))?.body === state.body).toBe(true);
});

it('can be thrown away', async () => {
  const { log, newest, previous } = await saved();
  await log.dropStates();
  expect(await log.loadState('1', 100)).toBeUndefined();
  expect([newest, previous].filter((file) => existsSync(file))).toEqual([]);
});

describe.each<[string, (saved: Saved) => void]>([
  [
    'a changed letter',
    ({ newest }) => writeFileSync(newest, readFileSync(newest, 'utf8').replace('at', 'as')),
  ],
  ['one that was cut', ({ newest }) => truncateSync(newest, statSync(newest).size - 1)],
  ['one that was cut to nearly nothing', ({ newest }) => truncateSync(newest, 10)],
  ['an empty file', ({ newest }) => truncateSync(newest, 0)],
  ['none, since the power went while it was put in place', ({ newest }) => rmSync(newest)],
  ['one beside a draft', ({ newest }) => renameSync(newest, `${newest}.draft`)],
])('%s', (_, spoil) => {
  it('is passed over for the one before', async () => {
    const all = await saved();
    spoil(all);
    expect(await all.log.loadState('1', 100)).toEqual(all.states[1]);
  });
});

it('the state of another history is passed over', async () => {
  const { log, states } = await saved();
  await log.saveState({ ...(await log.head()), hash: NO_HASH, codeVersion: '1', body: '{}' });
  expect(await log.loadState('1', 100)).toEqual(states[2]);
});

it('one that cannot be written leaves both that are there', async () => {
  const { log, states, newest } = await saved();
  mkdirSync(`${newest}.draft`);
  const state = { ...(await log.head()), codeVersion: '1', body: '{}' };
  await expect(log.saveState(state)).rejects.toThrow('EISDIR');
  rmSync(`${newest}.draft`, { recursive: true });
  expect(await log.loadState('1', 100)).toEqual(states[2]);
  expect(await log.loadState('1', 5)).toEqual(states[1]);
});
