/** Reads an exported log from a file and parses every line. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type * as z from 'zod';
import { ExportedRecord, ExportHeader } from '../protocol/exported-log.ts';
import { Failure } from '../values/failure.ts';

export type ExportedFile = { header: ExportHeader; records: AsyncIterable<ExportedRecord> };

const malformed = (path: string, what: string, cause?: unknown): Failure =>
  new Failure(`${path} is no exported log: ${what}`, {
    hint: 'make one with: innernet-server export NETWORK > FILE',
    cause,
  });

const parsed = <S extends z.ZodType>(schema: S, text: string, path: string, line: number): z.output<S> => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(path, `line ${line} is not JSON`, cause);
  }
  return checked(schema, value, path, `line ${line}`);
};

const checked = <S extends z.ZodType>(
  schema: S,
  value: unknown,
  path: string,
  where: string,
): z.output<S> => {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw malformed(path, `${where}: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`);
};

async function* rest(lines: AsyncIterator<string>, path: string): AsyncGenerator<ExportedRecord> {
  let line = 1;
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    line += 1;
    if (next.value !== '') yield parsed(ExportedRecord, next.value, path, line);
  }
}

const document = async (path: string): Promise<ExportedFile> => {
  let value: { records?: unknown };
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw malformed(path, 'its first line is no header, and it is no JSON document either', cause);
  }
  const header = checked(ExportHeader, value, path, 'the header');
  if (!Array.isArray(value.records)) throw malformed(path, 'it has no records');
  const { records } = value as { records: unknown[] };
  return {
    header,
    records: (async function* () {
      for (const [index, record] of records.entries())
        yield checked(ExportedRecord, record, path, `record ${index + 1}`);
    })(),
  };
};

const isHeader = (line: string | undefined): boolean => {
  try {
    return ExportHeader.safeParse(JSON.parse(line ?? '')).success;
  } catch {
    return false;
  }
};

/** Opens a file of `export`, as lines or as one document. Throws `Failure`. */
export const openExport = async (path: string): Promise<ExportedFile> => {
  const input = createReadStream(path);
  await new Promise<void>((resolve, reject) => {
    input.once('open', () => resolve());
    input.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? malformed(path, 'there is no such file', error) : error),
    );
  });
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (!first.done && isHeader(first.value) && !first.value.includes('"records"'))
    return { header: parsed(ExportHeader, first.value, path, 1), records: rest(lines, path) };
  input.destroy();
  return document(path);
};
