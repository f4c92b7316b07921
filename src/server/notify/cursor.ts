/** The file that says up to which event a program was notified, and of which log. */
import { readFileSync } from 'node:fs';
import * as z from 'zod';
import type { Past } from '../../cli/plane.ts';
import { replaceFile } from '../../machine/durable-file.ts';
import { Failure } from '../../values/failure.ts';
import { Hash, Position } from '../../values/id.ts';

/** `hash`: of the record at `position`. */
const Cursor = z.strictObject({ networkId: Hash, position: Position, hash: Hash });
export type Cursor = z.infer<typeof Cursor>;

/** Some hundred bytes; more is another file. */
const MAX_CURSOR_CHARACTERS = 4096;

const textOf = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const parsedCursor = (text: string): Cursor | undefined => {
  try {
    return text.length > MAX_CURSOR_CHARACTERS ? undefined : Cursor.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
};

const wayOut = (path: string): string =>
  `look at what was missed (history), then delete ${path} to begin at now, or at --since`;

/** Undefined without a file. Throws a `Failure` for a file that is no cursor. */
export const readCursor = (path: string): Cursor | undefined => {
  const text = textOf(path);
  if (text === undefined) return undefined;
  const cursor = parsedCursor(text);
  if (cursor) return cursor;
  throw new Failure(`${path} is no cursor of notify`, { hint: 'name another file: --cursor' });
};

export const writeCursor = (path: string, cursor: Cursor): Promise<void> =>
  replaceFile(path, `${JSON.stringify(cursor)}\n`);

/** Throws a `Failure` if the cursor is of another log, or the log is not the one that it was read from. */
export const checkCursor = async (past: Past, path: string, cursor: Cursor): Promise<void> => {
  const head = await past.ask({ ask: 'head' });
  if (cursor.networkId !== head.networkId)
    throw new Failure(`the cursor ${path} is of the log of another network`, {
      hint: 'name another file: --cursor',
    });
  const { position } = cursor;
  if (position > head.position)
    throw new Failure(
      `the cursor ${path} is at position ${position}, and the log ends at ${head.position}: an older copy was put back`,
      { hint: wayOut(path) },
    );
  if (position === 0) return;
  const { entries } = await past.ask({
    ask: 'history',
    after: position - 1,
    until: position,
    limit: 1,
    wordless: true,
  });
  if (entries[0]?.hash === cursor.hash) return;
  throw new Failure(`the cursor ${path} is of another history: the log was put back, and went on otherwise`, {
    hint: wayOut(path),
  });
};
