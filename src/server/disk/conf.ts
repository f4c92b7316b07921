/** The server's conf, /etc/innernet-server/NET.conf, in innernet 2.0's format. */
import { readFileSync, statSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import * as z from 'zod';
import { type Endpoint, endpointOf } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { type Cidr, familyOf, fullPrefix, Ip, networkOf } from '../../values/ip.ts';
import { PrivateKey, withoutKeys } from '../../values/key.ts';
import { type PostgresAddress, parsePostgresAddress } from '../../values/postgres-address.ts';

const privateKey = z.string().transform((text, context) => {
  try {
    return PrivateKey.parse(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

const Document = z
  .object({
    'private-key': privateKey,
    'listen-port': z.number().int().min(1).max(65535),
    address: Ip,
    'network-cidr-prefix': z.number().int().min(0).max(128),
    /** Ours; innernet 2.0 does not know it. */
    phones: z.boolean().optional(),
    log: z.strictObject({ postgres: z.string() }).optional(),
  })
  .superRefine((document, context) => {
    const widest = fullPrefix(familyOf(document.address));
    if (document['network-cidr-prefix'] <= widest) return;
    const message = `a prefix of ${document.address} is at most ${widest}`;
    context.addIssue({ code: 'custom', path: ['network-cidr-prefix'], message });
  });

export type ServerConf = {
  privateKey: PrivateKey;
  /** UDP port of WireGuard and TCP port of the API. */
  listenPort: number;
  address: Ip;
  /** Of the network's root block. */
  prefix: number;
  /** Withdraws this machine's consent to pass packets of phones. */
  phones?: false;
  /** The database that the log is in; absent: it is in a file. */
  postgres?: PostgresAddress;
};

/** Why this machine passes no packets of phones. */
export const phonesRefused = ({ phones }: ServerConf, file: string): string | undefined =>
  phones === false ? `its conf ${file} says phones = false` : undefined;

/** The network's root block. */
export const rangeOf = ({ address, prefix }: ServerConf): Cidr => networkOf(`${address}/${prefix}` as Cidr);

/** Inside the tunnel. */
export const internalEndpoint = ({ address, listenPort }: ServerConf): Endpoint =>
  endpointOf(address, listenPort);

const SERVED_BY_CLIENT =
  "a conf with [interface] and [server] is a client's: those belong into /etc/innernet";

const complaint = (file: string, error: z.ZodError, document: unknown): Failure => {
  const [issue] = error.issues;
  const key = issue?.path.join('.') ?? '';
  const missing = key !== '' && (document as Record<string, unknown>)[key] === undefined;
  const hint = typeof document === 'object' && document !== null && 'interface' in document;
  const trouble = missing ? `"${key}" is missing` : `"${key}": ${withoutKeys(lower(issue?.message))}`;
  return new Failure(`${file}: ${trouble}`, {
    hint: hint
      ? SERVED_BY_CLIENT
      : 'put the file back from a backup; without its key no peer knows this server',
  });
};

const lower = (text = 'not as it should be'): string => text.charAt(0).toLowerCase() + text.slice(1);

/** `file` is for messages. Throws a `Failure` that never repeats the text. */
export const parseConf = (text: string, file: string): ServerConf => {
  const document = parseToml(text, file);
  const { success, data, error } = Document.safeParse(document);
  if (!success) throw complaint(file, error, document);
  return {
    privateKey: data['private-key'],
    listenPort: data['listen-port'],
    address: data.address,
    prefix: data['network-cidr-prefix'],
    ...(data.phones === false ? { phones: data.phones } : {}),
    ...(data.log ? { postgres: databaseOf(data.log.postgres, file) } : {}),
  };
};

const databaseOf = (text: string, file: string): PostgresAddress => {
  try {
    return parsePostgresAddress(text);
  } catch (error) {
    const { message, hint } = error as Failure;
    throw new Failure(`${file}: [log] postgres: ${message}`, { hint });
  }
};

/** The text of a conf with the log's place set, or, without an address, in the file; all else stays. */
export const withLogPlace = (text: string, address: string | undefined): string => {
  const rest = text.replace(/^\[log\][^\n]*\n(?:(?!\[).*(?:\n|$))*/m, '').trimEnd();
  return address === undefined ? `${rest}\n` : `${rest}\n\n[log]\npostgres = ${JSON.stringify(address)}\n`;
};

/** TOML errors show the line, perhaps the private key's; only its number is passed on. */
const parseToml = (text: string, file: string): unknown => {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new Failure(`${file}: line ${error.line} is not valid TOML`, { hint: 'look at that line' });
  }
};

/** In innernet 2.0's order. */
export const formatConf = ({ privateKey, listenPort, address, prefix, phones }: ServerConf): string =>
  [
    `private-key = "${privateKey.reveal()}"`,
    `listen-port = ${listenPort}`,
    `address = "${address}"`,
    `network-cidr-prefix = ${prefix}`,
    ...(phones === false ? ['phones = false'] : []),
    '',
  ].join('\n');

/** `warn`: if other users can read the file. Throws a `Failure`. */
export const readConf = (file: string, warn: (message: string) => void = () => {}): ServerConf => {
  const conf = parseConf(readText(file), file);
  const mode = statSync(file).mode & 0o777;
  if (mode & 0o007) {
    warn(
      `${file} holds a private key, and others can get at it (mode ${mode.toString(8)}): chmod o= ${file}`,
    );
  }
  return conf;
};

const readText = (file: string): string => {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      throw new Failure(`there is no network here by that name: ${file} is missing`, {
        hint: 'create it: innernet-server new',
        cause,
      });
    }
    if (code === 'EACCES')
      throw new Failure(`not allowed to read ${file}`, { hint: 'run it as root, with sudo', cause });
    throw new Failure(`${file} cannot be read (${code})`, { cause });
  }
};
