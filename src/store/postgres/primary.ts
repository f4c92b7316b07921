/** Connections to the primary of a database: its hosts are tried in turn, and no answer is waited for without end. */
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import pg from 'pg';
import { Failure } from '../../values/failure.ts';
import { isOnThisMachine, type PostgresAddress, type PostgresHost } from '../../values/postgres-address.ts';
import { passwordFor } from './password.ts';
import { DatabaseAway } from './troubles.ts';

const CONNECT_MS = 3_000;
/** An answer may wait for a lock and for a standby's disk. */
const ANSWER_MS = 10_000;
const OLDEST_VERSION = 130_000;

/** The connection ended before the answer: whether the statement was carried out is not known. */
export class AnswerLost extends Error {}

/** Named, so that the database prepares it once a connection. */
export type Query = { name: string; text: string };

const ABOUT = `
  SELECT pg_is_in_recovery() AS "isStandby", current_setting('server_encoding') AS encoding,
    current_setting('server_version_num')::int AS version, current_setting('server_version') AS "versionText",
    set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
    set_config('default_transaction_isolation', 'read committed', false),
    -- what is acknowledged is on a disk, whatever the role's own settings
    set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN 'on'
      ELSE current_setting('synchronous_commit') END, false)`;

type About = { isStandby: boolean; encoding: string; version: number; versionText: string };

/** Positions are numbers here: none comes near 2^53. */
const INT8 = 20;
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format as 'text'),
};

export class Session {
  readonly #client: pg.Client;
  readonly #socket: Socket;
  /** Rejects at its end: the client itself forgets a query that comes later. */
  readonly #over: Promise<never>;
  #end: () => void = () => {};
  #isOpen = true;

  private constructor(client: pg.Client, socket: Socket) {
    this.#client = client;
    this.#socket = socket;
    this.#over = new Promise((_, reject) => {
      this.#end = () => {
        this.#isOpen = false;
        reject(new Error('the connection is closed'));
      };
    });
    this.#over.catch(() => {});
    client.on('error', () => this.#end());
    client.on('end', () => this.#end());
  }

  /** Throws `DatabaseAway`, or `Failure` where only a person can help: password, certificate, version. */
  static async open(address: PostgresAddress): Promise<Session> {
    const reasons: Reason[] = [];
    for (const host of address.hosts) {
      try {
        return await Session.#at(address, host);
      } catch (error) {
        reasons.push(reasonOf(error as Error, address, host));
      }
    }
    throw away(reasons);
  }

  static async #at(address: PostgresAddress, host: PostgresHost): Promise<Session> {
    const socket = new Socket();
    const client = new pg.Client({
      ...host,
      user: address.user,
      database: address.database,
      password: () => passwordFor(address, host) ?? '',
      ssl: encryptionOf(address, host),
      stream: () => socket,
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
      application_name: 'innernet-server',
      types,
    });
    const session = new Session(client, socket);
    try {
      await client.connect();
      const [about] = await session.query<About>({ name: 'about', text: ABOUT }, [], CONNECT_MS);
      refuseUnfit(about);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Throws `AnswerLost`, or the database's own error with its `code`. After `within` milliseconds without an
   * answer the connection is given up.
   */
  async query<R extends object>(
    query: Query,
    values: readonly unknown[] = [],
    within = ANSWER_MS,
  ): Promise<R[]> {
    return this.#answered(
      async () => (await this.#client.query<R>({ ...query, values: [...values] })).rows,
      within,
    );
  }

  /** Statements of a script, which take no values. Throws as `query`. */
  async run(script: string): Promise<void> {
    await this.#answered(() => this.#client.query(script), ANSWER_MS);
  }

  async #answered<T>(ask: () => Promise<T>, within: number): Promise<T> {
    const late = setTimeout(() => this.close(), within);
    try {
      return await Promise.race([ask(), this.#over]);
    } catch (error) {
      if (isRefusal(error)) throw error;
      this.close();
      throw new AnswerLost((error as Error).message, { cause: error });
    } finally {
      clearTimeout(late);
    }
  }

  onNotice(listener: (payload: string) => void): void {
    this.#client.on('notification', ({ payload = '' }) => listener(payload));
  }

  close(): void {
    this.#end();
    this.#socket.destroy();
  }
}

/** The database refused the statement; unlike where it, or the way to it, ended. */
const isRefusal = (error: unknown): error is Error & { code: string } => {
  const code = codeOf(error);
  return /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P)/.test(code);
};

export const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? '');

const encryptionOf = (
  { isAlwaysEncrypted, rootCertificates }: PostgresAddress,
  host: PostgresHost,
): false | { rejectUnauthorized: true; ca?: string } => {
  if (!isAlwaysEncrypted && isOnThisMachine(host)) return false;
  return { rejectUnauthorized: true, ...(rootCertificates ? { ca: certificatesIn(rootCertificates) } : {}) };
};

const certificatesIn = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Failure(`${file}, which sslrootcert names, cannot be read`, { cause });
  }
};

class Standby extends Error {}

const refuseUnfit = (about: About | undefined): void => {
  if (about?.isStandby) throw new Standby('it is a standby');
  if (about && about.version < OLDEST_VERSION)
    throw new Failure(`the database is PostgreSQL ${about.versionText}, and 13 is the oldest that will do`);
  if (about && about.encoding !== 'UTF8') {
    throw new Failure(`the database has the encoding ${about.encoding}, and the log needs UTF8`, {
      hint: "make one: CREATE DATABASE innernet ENCODING 'UTF8' TEMPLATE template0",
    });
  }
};

/** `isFinal`: only a person can help. */
type Reason = { text: string; hint?: string | undefined; isFinal: boolean };

const WAITING: { [code: string]: string } = {
  ECONNREFUSED: 'nobody listens there',
  ENOENT: 'nobody listens there',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'its name cannot be looked up at present',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  '57P03': 'it is starting or stopping',
};

const reasonOf = (
  error: Error,
  { user, database }: PostgresAddress,
  { host, port }: PostgresHost,
): Reason => {
  const at = `${host}:${port}`;
  const cause = error instanceof AnswerLost ? (error.cause as Error) : error;
  const code = codeOf(cause);
  if (cause instanceof Failure) return { text: `${at}: ${cause.message}`, hint: cause.hint, isFinal: true };
  if (cause instanceof Standby) return { text: `${at} is a standby`, isFinal: false };
  const waiting =
    WAITING[code] ?? (/timeout expired/.test(cause.message) ? `no answer in ${CONNECT_MS / 1000} s` : '');
  if (waiting) return { text: `${at}: ${waiting}`, isFinal: false };
  const final = (text: string, hint?: string): Reason => ({ text: `${at} ${text}`, hint, isFinal: true });
  if (code.startsWith('28'))
    return final(
      `does not let "${user}" in: ${cause.message}`,
      'a password stands in the file that PGPASSFILE names, or in the conf; see also pg_hba.conf there',
    );
  if (code === '3D000') return final(`has no database "${database}"`, `make it there: createdb ${database}`);
  if (/does not support SSL/.test(cause.message))
    return final(
      'does not encrypt, and what leaves this machine must be',
      'set ssl = on in its postgresql.conf',
    );
  if (/CERT|ALTNAME|SIGNATURE|ISSUER/.test(code))
    return final(
      `shows a certificate that cannot be trusted: ${cause.message}`,
      'name who signed it: …?sslrootcert=/etc/innernet-server/database-ca.pem',
    );
  return { text: `${at}: ${cause.message}`, isFinal: false };
};

const away = (reasons: readonly Reason[]): Failure => {
  const text = reasons.map((reason) => reason.text).join('; ');
  const final = reasons.find(({ isFinal }) => isFinal);
  if (final) return new Failure(`the log's database cannot be used: ${text}`, { hint: final.hint });
  return new DatabaseAway(`the log's database does not answer: ${text}`, {
    hint: 'it is used again as soon as it answers',
  });
};
