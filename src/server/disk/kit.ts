/**
 * A kit: the secrets of a server's machine in one text, sealed by a passphrase, for a machine that may take over.
 * The first line is JSON that anybody can read, the second the sealed secrets; no change of either goes unnoticed.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import * as z from 'zod';
import { Endpoint } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { Hash } from '../../values/id.ts';
import { Cidr, Ip } from '../../values/ip.ts';
import { PublicKey } from '../../values/key.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import { RecordedName } from '../../values/name.ts';
import { Timestamp } from '../../values/time.ts';
import { parseConf } from './conf.ts';
import { checkSecrets, SECRET_FILES, type SecretFile, type Secrets } from './secrets.ts';

const VERSION = 1;

/** 128 MiB and half a second for each guess. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 };
/** A foreign header asks for no more: memory is 128 × N × r bytes. */
const MAX_MEMORY = 2 ** 30;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Of a kit as it is read; it holds a few secrets of some hundred bytes. */
const MAX_KIT_BYTES = 2 ** 20;

export const SHORTEST_PASSPHRASE = 12;

const base64 = (bytes: number): z.ZodType<Buffer, string> =>
  z
    .base64()
    .transform((text) => Buffer.from(text, 'base64'))
    .refine(({ length }) => length === bytes);

const power = z.number().refine((n) => Number.isInteger(Math.log2(n)));

/** What a standby needs to begin to follow, without the passphrase. */
const Head = z.object({
  /** Its name in the log. */
  network: RecordedName,
  networkId: Hash,
  /** Of the server. */
  publicKey: PublicKey,
  /** Inside the tunnel. */
  address: Ip,
  /** The network's root block. */
  range: Cidr,
  /** UDP port of WireGuard and TCP port of the API. */
  port: z.number().int().min(1).max(65_535),
  /** Where peers reach the server; null: nobody had said it. */
  endpoint: Endpoint.nullable(),
  made: Timestamp,
});
export type KitHead = z.infer<typeof Head>;

const Header = Head.extend({
  kit: z.literal(VERSION),
  scrypt: z
    .object({
      N: power,
      r: z.number().int().min(1),
      p: z.number().int().min(1).max(16),
      salt: base64(SALT_BYTES),
    })
    .refine(({ N, r }) => N > 1 && 128 * N * r <= MAX_MEMORY),
  nonce: base64(NONCE_BYTES),
});

/** A secret that this version does not know must not be lost, so it is refused. */
const Content = z.strictObject(
  Object.fromEntries(SECRET_FILES.map((file) => [file, z.string().nullable().default(null)])) as {
    [F in SecretFile]: z.ZodDefault<z.ZodNullable<z.ZodString>>;
  },
);

const KIT_HINT = 'make one on the server: innernet-server kit NETWORK --save FILE';

const newer = (file: string, version: number): Failure =>
  new Failure(`${file} is a kit of version ${version}, and this program knows version ${VERSION} alone`, {
    hint: 'bring innernet-server on this machine up to date',
  });

/** Throws a `Failure`. */
const headerOf = (text: string, file: string): { line: string; header: z.infer<typeof Header> } => {
  const [line = ''] = text.slice(0, MAX_KIT_BYTES).split('\n', 1);
  const said = jsonOf(line);
  const { success, data } = Header.safeParse(said);
  if (success) return { line, header: data };
  const version = z.object({ kit: z.number().int().gt(VERSION) }).safeParse(said);
  if (version.success) throw newer(file, version.data.kit);
  throw new Failure(`${file} is no kit`, { hint: KIT_HINT });
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** What stands in the clear. `file` is for messages. Throws a `Failure`. */
export const kitHead = (text: string, file: string): KitHead => Head.parse(headerOf(text, file).header);

const keyOf = (
  passphrase: string,
  { N, r, p, salt }: { N: number; r: number; p: number; salt: Buffer },
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 2 * MAX_MEMORY };
    scrypt(passphrase.normalize('NFC'), salt, KEY_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });

/** Another salt and nonce each time. Throws a `Failure` for secrets that another machine could not use. */
export const sealKit = async (head: KitHead, secrets: Secrets, passphrase: string): Promise<string> => {
  checkSecrets(secrets, 'this machine');
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const said = { ...SCRYPT, salt: salt.toString('base64') };
  const line = JSON.stringify({ kit: VERSION, ...head, scrypt: said, nonce: nonce.toString('base64') });
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, { ...SCRYPT, salt }), nonce);
  cipher.setAAD(Buffer.from(line));
  const sealed = [cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final(), cipher.getAuthTag()];
  return `${line}\n${Buffer.concat(sealed).toString('base64')}\n`;
};

/** `file` is for messages. Throws a `Failure`: no kit, a newer one, another passphrase, a changed text. */
export const openKit = async (text: string, passphrase: string, file: string): Promise<Secrets> => {
  const { line, header } = headerOf(text, file);
  const sealed = Buffer.from(text.slice(line.length + 1).trim(), 'base64');
  const content = opened(sealed, header, line, await keyOf(passphrase, header.scrypt));
  if (content === undefined)
    throw new Failure(`the passphrase does not open ${file}, or the file has been changed`, {
      hint: `try again; if it is lost, make another kit on the server: innernet-server kit ${header.network} --save FILE`,
    });
  const { success, data } = Content.safeParse(jsonOf(content));
  if (!success)
    throw new Failure(`${file} holds a secret that this program does not know`, {
      hint: 'bring innernet-server on this machine up to date',
    });
  checkSecrets(data, file);
  const conf = parseConf(data.conf ?? '', file);
  if (publicKeyOf(conf.privateKey) !== header.publicKey)
    throw new Failure(`${file} holds another server's key than its first line says`, { hint: KIT_HINT });
  return data;
};

/** Undefined: another key, or another byte. */
const opened = (
  sealed: Buffer,
  { nonce }: { nonce: Buffer },
  line: string,
  key: Buffer,
): string | undefined => {
  if (sealed.length <= TAG_BYTES) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(line));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const text = [decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()];
    return Buffer.concat(text).toString('utf8');
  } catch {
    return undefined;
  }
};
