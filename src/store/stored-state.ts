/**
 * Stored states, which shorten a start: `NET.state` and the one before it. A file is a line of JSON with
 * position, hash and code version, the state, and the SHA-256 of both. One that is damaged is passed over.
 */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { sha256 } from '../machine/sha256.ts';
import type { StoredState } from './log.ts';

/** Beside `NET.events`. */
export const stateFiles = (log: string): [newest: string, previous: string] => {
  const newest = `${log.replace(/\.events$/, '')}.state`;
  return [newest, `${newest}.1`];
};

const DIGEST_CHARACTERS = 64;

/** Throws the system's error; the earlier states are then as they were. */
export const saveState = async (log: string, { body, ...about }: StoredState): Promise<void> => {
  const [newest, previous] = stateFiles(log);
  const draft = `${newest}.draft`;
  const bytes = Buffer.from(`${JSON.stringify(about)}\n${body}`);
  try {
    await writeFile(draft, [bytes, sha256(bytes)], { mode: 0o600, flush: true });
    if (existsSync(newest)) renameSync(newest, previous);
    renameSync(draft, newest);
  } finally {
    rmSync(draft, { force: true });
  }
};

export const dropStates = (log: string): void => {
  for (const file of stateFiles(log)) rmSync(file, { force: true });
};

/** The newest intact state that `fits`. */
export const loadState = (
  log: string,
  fits: (about: Omit<StoredState, 'body'>) => boolean,
): StoredState | undefined => {
  for (const file of stateFiles(log)) {
    const state = intactState(file);
    if (state && fits(state)) return state;
  }
  return undefined;
};

const intactState = (file: string): StoredState | undefined => {
  if (!existsSync(file)) return undefined;
  const bytes = readFileSync(file);
  const end = bytes.length - DIGEST_CHARACTERS;
  if (end < 0 || sha256(bytes.subarray(0, end)) !== bytes.toString('latin1', end)) return undefined;
  const line = bytes.indexOf('\n');
  return { ...JSON.parse(bytes.toString('utf8', 0, line)), body: bytes.toString('utf8', line + 1, end) };
};
