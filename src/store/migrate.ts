/** The only way a log's file gets its tables, at creation and after an upgrade. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Database } from 'better-sqlite3';
import { Failure } from '../values/failure.ts';

/** The n-th makes schema version n and sets `user_version`. */
const MIGRATIONS = [
  '001_log.sql',
  '002_read_models.sql',
  '003_cidrs_alone.sql',
  '004_what_is_read.sql',
  '005_routes.sql',
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** "INNL". */
export const APPLICATION_ID = 0x494e4e4c;
/** "INNR": a copy of a log that is elsewhere. Programs that know nothing of copies refuse it. */
export const REPLICA_ID = 0x494e4e52;

/** Searches upwards, to fit repository and package. */
const folder = (from = dirname(fileURLToPath(import.meta.url))): string => {
  const candidate = join(from, 'migrations');
  if (existsSync(join(candidate, '001_log.sql'))) return candidate;
  if (dirname(from) === from) {
    throw new Failure('the folder "migrations" is missing from this installation', {
      hint: 'install the package again',
    });
  }
  return folder(dirname(from));
};

export const migrationText = (name: string): string => readFileSync(join(folder(), name), 'utf8');

export const schemaVersion = (db: Database): number => db.pragma('user_version', { simple: true }) as number;

/** One transaction per step; several processes may try at once. Throws a `Failure` for a negative version. */
export const migrate = (db: Database): void => {
  if (schemaVersion(db) < 0) {
    throw new Failure(`the log has schema version ${schemaVersion(db)}, which no program writes`, {
      hint: 'the file is damaged: put a backup of it back with innernet-server restore',
    });
  }
  for (let version = schemaVersion(db); version < SCHEMA_VERSION; version++) {
    const script = migrationText(MIGRATIONS[version] ?? '');
    db.transaction(() => {
      if (schemaVersion(db) === version) db.exec(script);
    }).immediate();
  }
};
