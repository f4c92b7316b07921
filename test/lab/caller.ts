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
