/**
 * Whether a network's server is known to prove itself by its key. The file is separate because the Rust
 * client rewrites the others; a damaged one is an error, a missing one means unknown.
 */
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as z from 'zod';
import { makeFolder, replaceFile } from '../../machine/durable-file.ts';
import { Turns } from '../../machine/turns.ts';
import { Failure } from '../../values/failure.ts';
import { PublicKey } from '../../values/key.ts';
import { Doubt, Standing } from './doubt.ts';

const Document = z.strictObject({
  /** Facts about another server do not count. */
  server: PublicKey,
  standing: Standing,
  doubt: Doubt.nullable(),
});

type Kept = { standing: Standing; doubt: Doubt | null };

const isSame = (left: Kept, right: Kept): boolean =>
  left.standing === right.standing && left.doubt === right.doubt;

const NOTHING: Kept = { standing: 'unknown', doubt: null };

const unreadable = (path: string, cause: unknown): Failure =>
  new Failure(`${path}, which says whether the server proves itself, cannot be read`, {
    hint: `put it back from a backup; or, to trust the server that answers next, move it away: mv ${path} ${path}.broken`,
    cause,
  });

const keptIn = async (path: string, server: PublicKey): Promise<Kept> => {
  try {
    const { server: of, ...kept } = Document.parse(JSON.parse(await readFile(path, 'utf8')));
    return of === server ? kept : NOTHING;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
    throw unreadable(path, error);
  }
};

export class Trust {
  readonly #path: string;
  readonly #server: PublicKey;
  readonly #turns = new Turns();
  #kept: Kept;

  private constructor(path: string, server: PublicKey, kept: Kept) {
    this.#path = path;
    this.#server = server;
    this.#kept = kept;
  }

  /** Throws a `Failure` for an unreadable file. */
  static async read(path: string, server: PublicKey): Promise<Trust> {
    return new Trust(path, server, await keptIn(path, server));
  }

  /** For a network that went back to an older server. */
  get hint(): string {
    const network = basename(this.#path, '.proved');
    return `if the network went back to an older server: innernet acknowledge ${network} --older-server`;
  }

  get standing(): Standing {
    return this.#kept.standing;
  }

  /** Until a proof or the user's acknowledgement. */
  get doubt(): Doubt | null {
    return this.#kept.doubt;
  }

  /** For an unproved answer; `knowsHistory`: this machine has followed one. */
  doubtOf({ knowsHistory }: { knowsHistory: boolean }): Doubt | undefined {
    if (this.standing === 'proves') return 'Unproved';
    return this.standing === 'unknown' && knowsHistory ? 'NoHistory' : undefined;
  }

  /** The server proves itself. Await this before obeying it. */
  proved(): Promise<boolean> {
    return this.#become({ standing: 'proves', doubt: null });
  }

  /** An older server, until the next proof. Returns whether there was a doubt. */
  async acknowledge(): Promise<boolean> {
    const wasDoubted = this.doubt !== null || this.standing === 'proves';
    await this.#become({ standing: 'older', doubt: null });
    return wasDoubted;
  }

  /** Returns whether that is news. */
  raise(doubt: Doubt): Promise<boolean> {
    return this.#become({ standing: this.standing, doubt });
  }

  /** Returns whether that is news. Other programs write the file too, so it is read again. */
  #become(kept: Kept): Promise<boolean> {
    return this.#turns.take(async () => {
      const onDisk = await keptIn(this.#path, this.#server).catch(() => undefined);
      if (!onDisk || !isSame(kept, onDisk)) await this.#write(kept);
      const isNews = !isSame(kept, this.#kept);
      this.#kept = kept;
      return isNews;
    });
  }

  async #write(kept: Kept): Promise<void> {
    const document = { server: this.#server, ...kept } satisfies z.input<typeof Document>;
    await makeFolder(dirname(this.#path));
    await replaceFile(this.#path, `${JSON.stringify(document)}\n`);
  }
}
