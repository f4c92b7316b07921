/** The password of a database: from the conf, PGPASSWORD, or a file of the form that libpq reads. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../../values/failure.ts';
import type { PostgresAddress, PostgresHost } from '../../values/postgres-address.ts';

type Account = PostgresHost & Pick<PostgresAddress, 'user' | 'database'>;

/** Undefined where none is given: the database may want none. Throws `Failure` for a file that others can read. */
export const passwordFor = (
  { password, user, database }: PostgresAddress,
  host: PostgresHost,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined =>
  password?.() ??
  env.PGPASSWORD ??
  fromFile(env.PGPASSFILE ?? join(homedir(), '.pgpass'), { ...host, user, database });

const fromFile = (file: string, account: Account): string | undefined => {
  if (!existsSync(file)) return undefined;
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new Failure(`${file} holds passwords, and others can get at it (mode ${mode.toString(8)})`, {
      hint: `chmod 600 ${file}`,
    });
  }
  return passwordIn(readFileSync(file, 'utf8'), account);
};

/** Of the first line `host:port:database:user:password` that fits; `*` fits everything. */
const passwordIn = (text: string, { host, port, database, user }: Account): string | undefined => {
  const wanted = [host.startsWith('/') ? 'localhost' : host, String(port), database, user];
  for (const line of text.split('\n')) {
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map(([, field = '']) => unescaped(field));
    if (line.startsWith('#') || fields.length < 5) continue;
    if (wanted.every((value, index) => ['*', value].includes(fields[index] ?? ''))) return fields[4];
  }
  return undefined;
};

const unescaped = (field: string): string => field.replace(/\\(.)/g, '$1');
