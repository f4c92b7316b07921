// A caller on a host, from the test's side: orders go out, answers come back.
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Host } from '../lab.ts';

/** From which address to which, and the server's key. */
export type Way = { address: string; server: string; key: string };

/** What one stream's client says of itself. */
export type Said = { isOpen: boolean; position: number; ids: number[]; frames: number; wrongs: string[] };

type Reply = { id: number; error?: string };

/** Also found when this file was bundled to somewhere else in the repository. */
export const labFile = (name: string, folder = dirname(fileURLToPath(import.meta.url))): string => {
  const path = join(folder, 'test/lab', name);
  if (existsSync(path)) return path;
  if (dirname(folder) === folder) throw new Error(`test/lab/${name} is missing`);
  return labFile(name, dirname(folder));
};

export class Caller {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (reply: never) => void; reject: (error: Error) => void }>();
  #orders = 0;

  constructor(host: Host) {
    this.#child = host.fork(labFile('caller.js'));
    this.#child.on('message', (reply: Reply) => this.#settle(reply));
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the caller has ended'));
      this.#waiting.clear();
    });
  }

  ask(
    call: Way & { method?: string; path: string; body?: unknown },
  ): Promise<{ status: number; text: string }> {
    return this.#order('ask', call);
  }

  /** Sends bytes as they are; all that came back, and whether the other end ended it. */
  raw(call: Way & { bytes: string; patience?: number }): Promise<{ text: string; isEnded: boolean }> {
    return this.#order('raw', call);
  }

  /** Opens connections that say the same and read nothing for `patience` ms; how many are left, if more than `most` at last. */
  async crowd(call: Way & { count: number; bytes: string; patience: number; most: number }): Promise<number> {
    return (await this.#order<{ left: number }>('crowd', call)).left;
  }

  /** Lets go of all that `crowd` has opened. */
  release(): Promise<void> {
    return this.#order('release', {});
  }

  /** A stream that says the same again and again; the code with which it was closed, 1006 if it was not. */
  async shout(call: Way & { text: string; times: number }): Promise<number> {
    return (await this.#order<{ code: number }>('shout', call)).code;
  }

  /** Follows the stream from now on, from where it was before if it was. */
  follow(way: Way): Promise<void> {
    return this.#order('follow', way);
  }

  leave(address: string): Promise<void> {
    return this.#order('leave', { address });
  }

  async said(): Promise<Map<string, Said>> {
    const { said } = await this.#order<{ said: Record<string, Said> }>('said', {});
    return new Map(Object.entries(said));
  }

  #order<T>(order: string, rest: object): Promise<T> {
    const id = ++this.#orders;
    if (!this.#child.connected) return Promise.reject(new Error('the caller has ended'));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, order, ...rest });
    });
  }

  #settle({ id, error, ...reply }: Reply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(reply as never);
    else waiting?.reject(new Error(error));
  }
}
