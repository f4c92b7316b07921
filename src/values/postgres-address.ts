/** The address of a PostgreSQL database: `postgres://user@h1,h2:5433/database`, in the spelling of libpq. */
import { Failure } from './failure.ts';

/** A socket's host is its folder. */
export type PostgresHost = { readonly host: string; readonly port: number };

export type PostgresAddress = {
  /** In the order in which they are tried. */
  readonly hosts: readonly PostgresHost[];
  readonly user: string;
  readonly database: string;
  /** A function, so that nothing prints it. */
  readonly password: (() => string) | undefined;
  /** Encrypted, and the server's certificate checked, where the way leaves this machine. */
  readonly isAlwaysEncrypted: boolean;
  /** A file of certificates that the server's may be signed by; absent: the system's. */
  readonly rootCertificates: string | undefined;
  /** As it was written, without the password. */
  readonly text: string;
};

const DEFAULT_PORT = 5432;
const SHAPE = /^postgres(?:ql)?:\/\/(?:([^@/?]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/;
const EXAMPLE = 'postgres://innernet@db1.example.org,db2.example.org/innernet';
const KNOWN = ['host', 'sslmode', 'sslrootcert'];

const refused = (reason: string, hint = `for example: ${EXAMPLE}`): Failure =>
  new Failure(`the address of the database ${reason}`, { hint });

/** Whether what is sent there stays on this machine. */
export const isOnThisMachine = ({ host }: PostgresHost): boolean =>
  host.startsWith('/') || /^(localhost|127(\.\d+){3}|::1)$/.test(host);

/** Throws a `Failure` that never repeats a password. */
export const parsePostgresAddress = (text: string): PostgresAddress => {
  const [whole, who = '', where = '', database = '', query = ''] = SHAPE.exec(text) ?? [];
  if (whole === undefined) throw refused('does not begin with postgres://, or has an @ or / too many');
  const [user = '', ...rest] = who.split(':');
  const settings = settingsOf(query);
  const hosts = hostsOf(settings.get('host') ?? where);
  if (user === '') throw refused('names no user');
  if (database === '') throw refused('names no database');
  const password = rest.length > 0 ? decoded(rest.join(':')) : undefined;
  return {
    hosts,
    user: decoded(user),
    database: decoded(database),
    password: password === undefined ? undefined : () => password,
    isAlwaysEncrypted: isAlwaysEncrypted(hosts, settings.get('sslmode')),
    rootCertificates: settings.get('sslrootcert'),
    text: text.replace(/^([^@/]*\/\/[^@/:]*):[^@/]*@/, '$1@'),
  };
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused('has a % that no two digits follow', 'write %25 for a % of a name or password');
  }
};

const settingsOf = (query: string): ReadonlyMap<string, string> => {
  const settings = new Map(new URLSearchParams(query));
  for (const name of settings.keys())
    if (!KNOWN.includes(name))
      throw refused(`has a setting "${name}", which is not known here`, `known are ${KNOWN.join(', ')}`);
  return settings;
};

const hostsOf = (text: string): PostgresHost[] => {
  if (text === '') throw refused('names no host');
  return text.split(',').map((each) => {
    const [whole, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(each) ?? [];
    const port = digits === undefined ? DEFAULT_PORT : Number(digits);
    if (whole === undefined || port < 1 || port > 65_535) throw refused(`has "${each}" for a host`);
    return { host: bracketed ?? plain ?? '', port };
  });
};

const isAlwaysEncrypted = (hosts: readonly PostgresHost[], mode: string | undefined): boolean => {
  if (mode === 'verify-full') return true;
  if (mode === undefined) return false;
  const far = hosts.find((host) => !isOnThisMachine(host));
  if (mode === 'disable' && !far) return false;
  throw refused(
    `says sslmode=${mode}, with which anybody on the way to ${far?.host ?? hosts[0]?.host} could read or change the log`,
    'leave sslmode away: what leaves this machine is encrypted, and the certificate checked',
  );
};
