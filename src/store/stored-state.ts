/** Stored states, which shorten a start; one that is damaged, too new or of other code is skipped. */

import { setImmediate } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { sha256Text } from '../machine/sha256.ts';
import type { Hash, Position } from '../values/id.ts';
import type { StoredState } from './log.ts';

type StateRow = Omit<StoredState, 'body'> & { sha256: Hash };

/** One transaction, which holds the lock for a few milliseconds. */
const PIECE_BYTES = 512 * 1024;

/** One before the stretch of log in the server's memory, one within it, one spare. */
const MAX_KEPT = 3;

/** Writes one piece per transaction; the row that validates them comes last. */
export const saveState = async (db: Database, state: StoredState): Promise<void> => {
  const { position, hash, codeVersion, body } = state;
  forget(db, position);
  const insert = db.prepare('INSERT INTO stored_state_pieces (position, piece, body) VALUES (?, ?, ?)');
  const bytes = Buffer.from(body);
  for (let piece = 0; piece * PIECE_BYTES < bytes.length; piece++) {
    insert.run(position, piece, bytes.subarray(piece * PIECE_BYTES, (piece + 1) * PIECE_BYTES));
    await setImmediate();
  }
  db.prepare('INSERT INTO stored_states (position, hash, code_version, sha256) VALUES (?, ?, ?, ?)').run(
    position,
    hash,
    codeVersion,
    sha256Text(body),
  );
  await dropOld(db);
};

const positions = (db: Database, sql: string): Position[] => db.prepare<[], Position>(sql).pluck().all();

/** Also drops pieces of an unfinished save. */
const dropOld = async (db: Database): Promise<void> => {
  const kept = positions(db, `SELECT position FROM stored_states ORDER BY position DESC LIMIT ${MAX_KEPT}`);
  for (const position of positions(db, 'SELECT DISTINCT position FROM stored_state_pieces')) {
    if (kept.includes(position)) continue;
    forget(db, position);
    await setImmediate();
  }
};

const forget = (db: Database, position: Position): void => {
  db.prepare('DELETE FROM stored_states WHERE position = ?').run(position);
  db.prepare('DELETE FROM stored_state_pieces WHERE position = ?').run(position);
};

/** Throws all of them away. */
export const dropStates = (db: Database): void => {
  for (const position of positions(db, 'SELECT DISTINCT position FROM stored_state_pieces'))
    forget(db, position);
};

/** The newest intact state of this code up to `until`, if it matches the log. */
export const loadState = (db: Database, codeVersion: string, until: Position): StoredState | undefined => {
  const rows = db
    .prepare<[Position, string], StateRow>(`
      SELECT state.position, state.hash, code_version AS codeVersion, sha256 FROM stored_states AS state
      JOIN events ON events.position = state.position AND events.hash = state.hash
      WHERE state.position <= ? AND code_version = ? ORDER BY state.position DESC`)
    .all(until, codeVersion);
  for (const { sha256, ...row } of rows) {
    const body = bodyAt(db, row.position);
    if (sha256Text(body) === sha256) return { ...row, body };
  }
  return undefined;
};

const bodyAt = (db: Database, position: Position): string => {
  const pieces = db
    .prepare<[Position], Buffer>('SELECT body FROM stored_state_pieces WHERE position = ? ORDER BY piece')
    .pluck()
    .all(position);
  return Buffer.concat(pieces).toString();
};
