/** The secrets of a server's machine: all that another machine needs to serve in its place, from one table. */
import { readFileSync } from 'node:fs';
import { replaceNow } from '../../machine/durable.ts';
import { makeFolder } from '../../machine/durable-file.ts';
import { Failure } from '../../values/failure.ts';
import { PrivateKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { parseConf } from './conf.ts';
import { type Folders, filesOf, type NetworkFiles } from './files.ts';
import { isRelaySecret } from './relay-secret.ts';

/** Each file of a network, and whether it holds a secret: a file left out does not compile. */
const HOLDS = {
  conf: 'secret',
  questionKey: 'secret',
  relaySecret: 'secret',
  log: 'no secret',
  lock: 'no secret',
  observations: 'no secret',
  claims: 'no secret',
  unproved: 'no secret',
  relay: 'no secret',
  relayForwarding: 'no secret',
  phoneForwarding: 'no secret',
  tableLosses: 'no secret',
  standing: 'no secret',
  standby: 'no secret',
  kit: 'no secret',
  notified: 'no secret',
  foreignDatabase: 'no secret',
} as const satisfies { readonly [F in keyof NetworkFiles]: 'secret' | 'no secret' };

type Holds = typeof HOLDS;
export type SecretFile = { [F in keyof Holds]: Holds[F] extends 'secret' ? F : never }[keyof Holds];

/** The files' texts; null: there is no such file. */
export type Secrets = { readonly [F in SecretFile]: string | null };

type Secret = {
  /** For people: `the key of the server`. */
  what: string;
  isNeeded: boolean;
  /** Whether a text is one; throws also. */
  fits: (text: string) => unknown;
};

/** In the order in which they are written: the conf last, since with it the network is here. */
const SECRETS: { readonly [F in SecretFile]: Secret } = {
  questionKey: {
    what: 'the key by which a standby asks whether the server still stands',
    isNeeded: true,
    fits: (text) => PrivateKey.parse(text.trim()),
  },
  relaySecret: { what: "the secret of the relay's mailboxes", isNeeded: false, fits: isRelaySecret },
  conf: {
    what: "the conf with the server's key",
    isNeeded: true,
    fits: (text) => parseConf(text, 'the conf'),
  },
};

export const SECRET_FILES = Object.keys(SECRETS) as SecretFile[];

/** In words, for those that are there. */
export const secretsInWords = (secrets: Secrets): string[] =>
  SECRET_FILES.filter((file) => secrets[file] !== null).map((file) => SECRETS[file].what);

/** Each secret of these files. Throws the system's error. */
export const readSecrets = (files: NetworkFiles): Secrets =>
  Object.fromEntries(SECRET_FILES.map((file) => [file, readIfThere(files[file])])) as Secrets;

const readIfThere = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/** Throws a `Failure` that names the secret that is missing or unusable, and none of its text. */
export const checkSecrets = (secrets: Secrets, where: string): void => {
  for (const file of SECRET_FILES) {
    const { what, isNeeded, fits } = SECRETS[file];
    const text = secrets[file];
    if (text === null && isNeeded) throw new Failure(`${where} lacks ${what}`);
    if (text !== null && !isFitting(fits, text)) throw new Failure(`${where}: ${what} is not usable`);
  }
};

const isFitting = (fits: Secret['fits'], text: string): boolean => {
  try {
    return fits(text) !== false;
  } catch {
    return false;
  }
};

/**
 * Makes this machine hold the secrets: folders and files for their owner alone, the conf last. A run that was
 * cut off leaves no conf, and may be repeated. Throws the system's error.
 */
export const writeSecrets = async (
  network: InterfaceName,
  folders: Folders,
  secrets: Secrets,
): Promise<void> => {
  for (const folder of [folders.configDir, folders.dataDir]) await makeFolder(folder);
  const files = filesOf(network, folders);
  for (const file of SECRET_FILES) {
    const text = secrets[file];
    if (text !== null) replaceNow(files[file], text);
  }
};
