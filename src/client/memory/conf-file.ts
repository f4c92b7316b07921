/** A joined network's conf on this machine: read with a warning where others can, written whole. */
import { readFile, stat } from 'node:fs/promises';
import { note } from '../../cli/print.ts';
import { replaceFile } from '../../machine/durable-file.ts';
import { Turns } from '../../machine/turns.ts';
import { type Conf, formatConf, parseConf } from '../../protocol/conf.ts';
import { hostOf } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { addressOf, type Ip, networkOf } from '../../values/ip.ts';
import { publicKeyOf } from '../../wireguard/public-key.ts';
import type { Ground } from './pins.ts';

/** Neither owner nor group. */
const OTHERS = 0o007;

/** Throws a `Failure` when the conf is missing or unusable. */
export const readConf = async (path: string, network: string): Promise<Conf> => {
  try {
    const text = await readFile(path, 'utf8');
    const { mode } = await stat(path);
    if (mode & OTHERS)
      note(`innernet: warning: ${path} holds a private key and others can read it: chmod o= ${path}`);
    return parseConf(text, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new Failure(`the network ${network} is not installed: there is no ${path}`, {
        hint: 'join it by an invitation: innernet install INVITATION',
        cause: error,
      });
    if (code === 'EACCES')
      throw new Failure(`not allowed to read ${path}`, { hint: 'run it as root, with sudo', cause: error });
    throw error;
  }
};

/** 0600 from the first byte; an existing file keeps its owner, group and mode. */
export const writeConf = (path: string, conf: Conf): Promise<void> => replaceFile(path, formatConf(conf));

/** The conf of an owned network: one holder changes it, others read `now`. */
export class OwnConf {
  readonly #path: string;
  readonly #turns = new Turns();
  #now: Conf;

  constructor(path: string, conf: Conf) {
    this.#path = path;
    this.#now = conf;
  }

  get now(): Conf {
    return this.#now;
  }

  /** Changes the file, then `now`; if `before` throws, nothing changes. */
  change(to: (conf: Conf) => Conf, before: (after: Conf) => Promise<void> = async () => {}): Promise<void> {
    return this.#turns.take(async () => {
      const after = to(this.#now);
      await before(after);
      await writeConf(this.#path, after);
      this.#now = after;
    });
  }
}

/** What the server may not change. */
export const groundOf = ({ address, privateKey, server }: Conf): Ground => ({
  range: networkOf(address),
  own: { ip: addressOf(address), publicKey: publicKeyOf(privateKey) },
  server: { ip: hostOf(server.internalEndpoint) as Ip, publicKey: server.publicKey },
});
