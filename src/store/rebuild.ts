/** Rebuilds read models from the log, in one transaction, under the network's process lock. */
import { setImmediate } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { Failure } from '../values/failure.ts';
import type { Position } from '../values/id.ts';
import { replay } from './follow.ts';
import { checkSchema, openDatabase } from './open.ts';
import { type Projection, ReadModels } from './projection.ts';
import { LogReader } from './reader.ts';
import { dropStates } from './stored-state.ts';

const versions = (db: Database): Map<string, number> =>
  new Map(db.prepare<[], [string, number]>('SELECT name, version FROM projections').raw().all());

/** Refuses read models of other versions with a `Failure`: a write would mix them. */
export const checkProjections = (db: Database, projections: readonly Projection[], file: string): void => {
  const found = versions(db);
  for (const { name, version } of projections) {
    const has = found.get(name) ?? 0;
    if (has === version) continue;
    throw new Failure(
      `the read model "${name}" in ${file} is version ${has}, and this program has ${version}`,
      {
        hint:
          has > version
            ? 'a newer innernet-server has written it; upgrade this one'
            : 'start innernet-server serve of this version once: it brings the file up to date',
      },
    );
  }
};

/** Rebuilds all read models if one is older. Throws `Failure` if one is newer. */
export const rebuildStale = async (db: Database, projections: readonly Projection[], file: string) => {
  const found = versions(db);
  if (projections.some(({ name, version }) => (found.get(name) ?? 0) > version))
    checkProjections(db, projections, file);
  if (projections.some(({ name, version }) => found.get(name) !== version)) await rebuild(db, projections);
};

/**
 * Rebuilds the read models; readers see the old ones and writers wait. A killed process changes nothing.
 * `onProgress` gets positions.
 */
export const rebuild = async (
  db: Database,
  projections: readonly Projection[],
  onProgress: (position: Position) => void = () => {},
): Promise<void> => {
  const reader = new LogReader(db);
  const models = new ReadModels(db);
  const read = async (after: Position, limit: number) => {
    onProgress(after);
    await setImmediate();
    return reader.read(after, limit);
  };
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const { tables } of projections) for (const table of tables) db.exec(`DELETE FROM ${table}`);
    await replay({ read }, 0, (commit) => {
      for (const projection of projections) projection.apply(models, commit);
    });
    const note = db.prepare('INSERT OR REPLACE INTO projections (name, version) VALUES (?, ?)');
    for (const { name, version } of projections) note.run(name, version);
    db.exec('COMMIT');
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK');
    throw error;
  }
};

/** Rebuilds a file that is not open here; drops its stored states. Throws `Failure`. */
export const rebuildFile = async (
  file: string,
  projections: readonly Projection[],
  onProgress: (position: Position) => void,
): Promise<void> => {
  const db = openDatabase(file, 'write');
  try {
    checkSchema(db, file);
    dropStates(file);
    await rebuild(db, projections, onProgress);
  } finally {
    db.close();
  }
};
