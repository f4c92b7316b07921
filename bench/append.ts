/** Durable appends a second at `execute`, read models and witness included, beside a bare insert of the same bytes. */
import { join } from 'node:path';
import { ulid } from 'ulid';
import type { Command } from '../src/domain/command.ts';
import type { EventRecord } from '../src/events/record.ts';
import { type BareRow, BareTable } from './bare/insert.ts';
import { beside, type Measured, type Row } from './figure.ts';
import { ACTOR, Bench } from './log.ts';
import { interleave, timed } from './sample.ts';
import { withFolder } from './scratch.ts';

/** Many and short, so that both sides meet the same disk and the same neighbours. */
const ROUNDS = 25;
const COMMANDS = 50;
const WAITING = 10;

const rowOf = (record: EventRecord, position: number): BareRow => {
  const { id, commandId, type, recordedAt, actor, body, salt, digest, hash } = record;
  return [position, position, id, commandId, type, recordedAt, actor, body, salt, digest, hash];
};

/** The rows that the last commands wrote, numbered on from where the bare table ends. */
const lastRows = async ({ log }: Bench, after: number): Promise<BareRow[]> => {
  const { position } = await log.head();
  const records = await log.read(position - COMMANDS, COMMANDS);
  return records.map((record, index) => rowOf(record, after + index + 1));
};

/** Commands with the ids that a client would send along. */
const requests = (bench: Bench, count: number): { command: Command; commandId: string }[] =>
  Array.from({ length: count }, () => ({ command: bench.addPeer(), commandId: ulid() }));

type Waiting = ReturnType<typeof requests>;

const carryOut = async ({ control }: Bench, waiting: Waiting): Promise<void> => {
  for (let next = waiting.pop(); next; next = waiting.pop())
    await control.execute(next.command, { actor: ACTOR, commandId: next.commandId });
};

/** Appends a second, with so many commands waiting at any moment. */
export const rate = async (bench: Bench, count: number, atOnce: number): Promise<number> => {
  const waiting = requests(bench, count);
  const workers = Array.from({ length: atOnce }, () => () => carryOut(bench, waiting));
  return count / ((await timed(() => Promise.all(workers.map((work) => work())))) / 1000);
};

const measure = (): Promise<Measured[]> =>
  withFolder(async (folder) => {
    const bench = await Bench.create(folder);
    const bare = new BareTable(join(folder, 'bare.db'));
    let inserted = 0;
    try {
      await rate(bench, COMMANDS, 1);
      const insertBare = async () => {
        const rows = await lastRows(bench, inserted);
        inserted += rows.length;
        return rows.length / (bare.insert(rows) / 1000);
      };
      const [one = [], many = [], yardstick = []] = await interleave(ROUNDS, [
        () => rate(bench, COMMANDS, 1),
        () => rate(bench, COMMANDS * 2, WAITING),
        insertBare,
      ]);
      return [
        beside({ name: 'append', unit: 'commits/s' }, one, yardstick, { atLeast: 0.5 }),
        beside({ name: 'append, 10 waiting', unit: 'commits/s' }, many, one, { atLeast: 3 }),
      ];
    } finally {
      bare.close();
      await bench.close();
    }
  });

export const append: Row = {
  name: 'append',
  what: 'durable append of one command at execute; yardstick: a bare insert; with 10 waiting: our single append',
  measure,
};
