/** A joined network's conf on this machine: read with a warning where others can, written whole. */
import { readFile, stat } from 'node:fs/promises';
import { replaceFile } from '../../cli/durable-file.ts';
import { note } from '../../cli/print.ts';
import { type Conf, formatConf, parseConf } from '../../protocol/conf.ts';
import { hostOf } from '../../values/endpoint.ts';
import { Failure } from '../../values/failure.ts';
import { addressOf, type Ip, networkOf } from '../../values/ip.ts';
import { Turns } from '../../wireguard/device.ts';
import { publicKeyOf } from '../../wireguard/public-key.ts';
import type { Ground } from './pins.ts';

/** Permissions of everybody who is neither owner nor group. */
const OTHERS = 0o007;

/** Reads the conf of an installed network. Throws a `Failure` when there is none, or it cannot be used. */
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

/** Writes a conf, 0600 from the first byte; one that is there keeps its owner, group and mode. */
export const writeConf = (path: string, conf: Conf): Promise<void> => replaceFile(path, formatConf(conf));

/** The conf of a network that this process owns: one holder changes it, others look at `now` each time. */
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

  /** Changes it on the disk, then here; `before` may throw, and then nothing has changed. */
  change(to: (conf: Conf) => Conf, before: (after: Conf) => Promise<void> = async () => {}): Promise<void> {
    return this.#turns.take(async () => {
      const after = to(this.#now);
      await before(after);
      await writeConf(this.#path, after);
      this.#now = after;
    });
  }
}

/** What a conf says that no word from the server may change. */
export const groundOf = ({ address, privateKey, server }: Conf): Ground => ({
  range: networkOf(address),
  own: { ip: addressOf(address), publicKey: publicKeyOf(privateKey) },
  server: { ip: hostOf(server.internalEndpoint) as Ip, publicKey: server.publicKey },
});
