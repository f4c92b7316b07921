/**
 * The durable memory of one network's client: `NET.json`, and `NET.journal` with one fsynced line a frame.
 * A frame is on the disk before it is on the device.
 */
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile, syncFolder } from '../../machine/durable-file.ts';
import { sha256 } from '../../machine/sha256.ts';
import { Failure } from '../../values/failure.ts';
import type { Effect } from './mirror.ts';
import type { Ground } from './pins.ts';
import { EffectLine, formatState, type Kept, newcomer, parseState, unreadable } from './state-file.ts';

export type StatePaths = { state: string; journal: string };

/** Longer journals are folded even under constant news. */
const MAX_JOURNAL_BYTES = 4 * 1024 * 1024;

const contentOf = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES') throw new Failure(`not allowed to read ${path}`, { hint: 'run it with sudo' });
    throw unreadable(path, message, error);
  }
};

/** An incomplete last line was never acknowledged and is skipped. */
export const parseJournal = (text: string, path: string): { effects: Effect[]; bytes: number } => {
  const effects: Effect[] = [];
  let bytes = 0;
  const lines = text.split('\n');
  const torn = lines.pop() !== '';
  for (const [index, line] of lines.entries()) {
    const effect = parseLine(line);
    if (!effect) {
      if (index === lines.length - 1 && !torn) break;
      throw unreadable(path, `line ${index + 1} is damaged`);
    }
    effects.push(effect);
    bytes += Buffer.byteLength(line) + 1;
  }
  return { effects, bytes };
};

/** Stands after a tab, which JSON never contains; finds flipped bits before they change a pin. */
const sumOf = (json: string): string => sha256(Buffer.from(json)).slice(0, 16);

const lineOf = (effect: Effect): string => {
  const json = JSON.stringify(effect);
  return `${json}\t${sumOf(json)}`;
};

const parseLine = (line: string): Effect | undefined => {
  const [json = '', sum] = line.split('\t');
  if (sum !== sumOf(json)) return undefined;
  try {
    return EffectLine.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
};

/** Which file lies there; a fold puts another in its place. */
const identityOf = async (path: string): Promise<string | undefined> => {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.ino} ${found.mtimeNs}`;
};

/** Changes nothing, for verbs that only look. Begins again when a fold comes between the two files. */
export const readState = async (paths: StatePaths, ground: Ground): Promise<Kept> => {
  const before = await identityOf(paths.state);
  const state = await contentOf(paths.state);
  const kept =
    state === undefined ? newcomer(ground, sha256) : parseState(state, paths.state, ground, sha256);
  const journal = await contentOf(paths.journal);
  if ((await identityOf(paths.state)) !== before) return readState(paths, ground);
  for (const effect of journal ? parseJournal(journal, paths.journal).effects : []) kept.mirror.take(effect);
  return kept;
};

/** The single writer of these files. */
export class Journal {
  readonly kept: Kept;
  readonly #paths: StatePaths;
  readonly #file: FileHandle;
  #bytes: number;

  private constructor(kept: Kept, paths: StatePaths, file: FileHandle, bytes: number) {
    this.kept = kept;
    this.#paths = paths;
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Recovers the state; cuts off a torn last line. */
  static async open(paths: StatePaths, ground: Ground): Promise<Journal> {
    const kept = await readState(paths, ground);
    const text = (await contentOf(paths.journal)) ?? '';
    const { bytes } = parseJournal(text, paths.journal);
    const file = await open(paths.journal, 'a', 0o600);
    if (Buffer.byteLength(text) > bytes) await file.truncate(bytes);
    await syncFolder(dirname(paths.journal));
    return new Journal(kept, paths, file, bytes);
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  get isLong(): boolean {
    return this.#bytes > MAX_JOURNAL_BYTES;
  }

  /** Durable. Throws the system's error and leaves no trace. */
  async append(effect: Effect): Promise<void> {
    const line = Buffer.from(`${lineOf(effect)}\n`);
    try {
      await this.#file.appendFile(line);
      await this.#file.datasync();
    } catch (error) {
      await this.#file.truncate(this.#bytes).catch(() => {});
      throw error;
    }
    this.#bytes += line.length;
  }

  /** Moves all into `NET.json`. After a crash in between, the journal is taken twice. */
  async fold(): Promise<void> {
    await replaceFile(this.#paths.state, formatState(this.kept));
    await this.#file.truncate(0);
    this.#bytes = 0;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
