// A log that lost its end, or is another one, is noticed by its witness.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { expect, it } from 'vitest';
import type { SqliteLog } from '../../src/store/sqlite-log.ts';
import { checkWitness, DamagedLog } from '../../src/store/verify.ts';
import { readWitness, Witness, witnessFile } from '../../src/store/witness.ts';
import type { Hash } from '../../src/values/id.ts';
import { acme } from '../acme.ts';
import { append, commitOf, tempFolder, tempLog } from './temp-log.ts';

const hash = (digit: string) => digit.repeat(64) as Hash;
const headAt = (position: number) => ({ position, hash: hash('a') });

/** Closes a log and puts an older copy of its file in its place. */
const withOlderCopy = async (change: (log: SqliteLog) => Promise<unknown>): Promise<SqliteLog> => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  await log.close();
  copyFileSync(log.file, `${log.file}.older`);
  const later = await tempLog({ file: log.file });
  await change(later);
  await later.close();
  renameSync(`${log.file}.older`, log.file);
  return tempLog({ file: log.file });
};

it('follows every commit', async () => {
  const log = await tempLog();
  expect(await checkWitness(log)).toBeUndefined();
  await append(log, commitOf(acme.created));
  const { head } = await append(log, commitOf([acme.humans]));
  expect(await checkWitness(log)).toEqual(head);
  await append(log, commitOf([]));
  expect(await checkWitness(log)).toEqual(head);
});

it('notices an older copy of the file', async () => {
  const log = await withOlderCopy((later) => append(later, commitOf([acme.humans])));
  const check = checkWitness(log);
  await expect(check).rejects.toBeInstanceOf(DamagedLog);
  await expect(check).rejects.toMatchObject({
    position: 5,
    message: expect.stringContaining('ends before its witness'),
  });
});

it('notices another log, even a longer one', async () => {
  const log = await withOlderCopy((later) => append(later, commitOf([acme.humans])));
  await append(log, commitOf([acme.machines], 'other'));
  await append(log, commitOf([acme.humans]));
  rmSync(witnessFile(log.file));
  const theirs = await withOlderCopy((later) => append(later, commitOf([acme.humans])));
  copyFileSync(witnessFile(theirs.file), witnessFile(log.file));
  await expect(checkWitness(log)).rejects.toMatchObject({ position: 5 });
});

it('notices that the WAL is gone', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const copy = `${tempFolder()}/acme.events`;
  copyFileSync(log.file, copy);
  copyFileSync(witnessFile(log.file), witnessFile(copy));
  const cut = await tempLog({ file: copy });
  await expect(checkWitness(cut)).rejects.toMatchObject({ position: 1 });
});

it('lets a longer log pass', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created));
  const before = readFileSync(witnessFile(log.file));
  await append(log, commitOf([acme.humans]));
  writeFileSync(witnessFile(log.file), before);
  expect(await checkWitness(log)).toMatchObject({ position: 4 });
});

it('counts the greatest valid line', () => {
  const path = `${tempFolder()}/acme.witness`;
  expect(readWitness(path)).toBeUndefined();
  const witness = new Witness(path);
  for (const position of [1, 12, 3]) witness.note(headAt(position), () => headAt(position));
  const forged = readFileSync(path, 'utf8').split('\n')[0]?.replace(/^1 /, '99 ');
  appendFileSync(path, `${forged}\nnot a line\n13 abc`);
  expect(readWitness(path)).toEqual(headAt(12));
  witness.note(headAt(14), () => headAt(14)); // glued to the torn line
  witness.note(headAt(15), () => headAt(15));
  expect(readWitness(path)).toEqual(headAt(15));
  witness.close();
});

it('stays small, and loses nothing by that', () => {
  const path = `${tempFolder()}/acme.witness`;
  const [one, two] = [new Witness(path), new Witness(path)];
  for (let position = 1; position <= 5_000; position++) {
    (position % 2 ? one : two).note(headAt(position), () => headAt(position));
    if (position % 97 === 0) expect(readWitness(path)).toEqual(headAt(position));
  }
  expect(statSync(path).size).toBeLessThan(70_000);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  one.close();
  two.close();
  expect(readWitness(path)).toEqual(headAt(5_000));
});

it('never fails a commit', async () => {
  const log = await tempLog();
  rmSync(witnessFile(log.file), { force: true, recursive: true });
  mkdirSync(witnessFile(log.file));
  await append(log, commitOf(acme.created));
  expect(existsSync(witnessFile(log.file))).toBe(true);
});
