// R4: bits that flip, a WAL that is cut or gone, an older copy: the log is never served shorter or other than it was.

import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import type { EventRecord } from '../../src/events/record.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { inspectLog } from '../../src/store/backup.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { checkTail, checkWitness, verifyChain } from '../../src/store/verify.ts';
import { witnessFile } from '../../src/store/witness.ts';
import { Failure } from '../../src/values/failure.ts';
import { acme, cidrId } from '../acme.ts';
import { cut, flipBit } from '../store/damage.ts';
import { append, commitOf, tempFolder, tempLog } from '../store/temp-log.ts';
import { below } from './hostile.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);

const files = ['', '-wal'];
const copyTo = (from: string, folder: string): string => {
  mkdirSync(folder, { recursive: true });
  const to = join(folder, 'acme.events');
  for (const end of files) copyFileSync(from + end, to + end);
  copyFileSync(witnessFile(from), witnessFile(to));
  return to;
};

const DAMAGE: { [name: string]: (file: string, older: string) => void } = {
  'bit in the file': (file) => flipBit(file, below(dice, statSync(file).size), below(dice, 8)),
  'bit in the file, checkpointed': (file) => {
    new Database(file).close();
    flipBit(file, below(dice, statSync(file).size), below(dice, 8));
  },
  'bit in the WAL': (file) =>
    flipBit(`${file}-wal`, below(dice, statSync(`${file}-wal`).size), below(dice, 8)),
  'WAL cut anywhere': (file) => cut(`${file}-wal`, below(dice, statSync(`${file}-wal`).size)),
  'WAL cut at a frame': (file) =>
    cut(`${file}-wal`, 32 + 4120 * below(dice, statSync(`${file}-wal`).size / 4120)),
  'WAL gone': (file) => rmSync(`${file}-wal`),
  'older copy': (file, older) => {
    for (const end of files) copyFileSync(older + end, file + end);
  },
};

/** What `serve` looks at before it serves, and in the background afterwards. */
const serveFrom = async (file: string): Promise<EventRecord[]> => {
  const log = await openSqliteLog({ file, readModels: READ_MODELS, migrate: true });
  try {
    await checkWitness(log);
    await checkTail(log);
    await verifyChain(log);
    return await log.read(0, 10_000);
  } finally {
    await log.close();
  }
};

const isRefusal = (error: unknown): boolean =>
  error instanceof Failure || (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_'));

it('R4: refused with a reason, or whole', { timeout: 7_200_000 }, async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.humans]));
  const base = tempFolder();
  const older = copyTo(log.file, join(base, 'older'));
  for (let n = 0; n < 40; n += 1)
    await append(log, commitOf([{ type: 'CidrRenamed', cidrId: cidrId(3), name: `humans-${n}` as never }]));
  const whole = copyTo(log.file, join(base, 'whole'));
  const truth = await log.read(0, 10_000);
  expect((await inspectLog(copyTo(whole, join(base, 'sound')))).position).toBe(truth.length);

  const tried = new Map<string, number>();
  const count = (what: string) => tried.set(what, (tried.get(what) ?? 0) + 1);
  for (let round = 0; round < roundsOr(30); round += 1) {
    const [name, damage] = Object.entries(DAMAGE)[round % Object.keys(DAMAGE).length] ?? [];
    const folder = join(base, `round-${round}`);
    const file = copyTo(whole, folder);
    damage?.(file, older);
    try {
      expect(await serveFrom(file)).toEqual(truth);
      count(`harmless: ${name}`);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      count(`refused: ${name}`);
    }
    rmSync(folder, { recursive: true });
  }
  for (const name of ['WAL gone', 'older copy']) expect(tried.has(`harmless: ${name}`)).toBe(false);
  sayTried('R4', tried);
});
