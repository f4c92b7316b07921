/** `innernet-server verify`: the log against itself, its witness, heads that others noted, and what is made of it. */
import { answer, answerJson } from '../../cli/print.ts';
import { Progress } from '../../cli/progress.ts';
import { Witnesses } from '../../cli/verify-export.ts';
import type { EventRecord } from '../../events/record.ts';
import { PROJECTIONS } from '../../projections/projections.ts';
import { type NotedHead, shortHead } from '../../protocol/noted-head.ts';
import { wholeCommits } from '../../store/commit.ts';
import type { Head } from '../../store/log.ts';
import { ModelCheck } from '../../store/model-check.ts';
import type { SqliteLog } from '../../store/sqlite-log.ts';
import { checkWitness, DamagedLog, verifyChain } from '../../store/verify.ts';
import { Failure } from '../../values/failure.ts';
import type { Position } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openNetworkLog } from '../past/local-past.ts';
import type { VerifyOptions } from './options.ts';

/** Makes the read models a second time from records that were found good, commit by commit. */
class SecondMaking {
  readonly #check: ModelCheck;
  #pending: EventRecord[] = [];

  constructor({ database }: SqliteLog) {
    this.#check = new ModelCheck(database, PROJECTIONS);
  }

  take(records: readonly EventRecord[]): void {
    const { commits, rest } = wholeCommits([...this.#pending, ...records]);
    this.#pending = rest;
    this.#check.take(commits);
  }

  /** Throws where a read model is not what the events make. */
  finish(): void {
    const found = this.#check.differing();
    if (!found) return;
    throw new Failure(
      `the read model "${found.model}" (table ${found.table}) is not what the log makes; the log itself is sound`,
      { hint: 'make the read models anew', verb: 'rebuild' },
    );
  }

  close(): void {
    this.#check.close();
  }
}

const checkSqlite = ({ database, file }: SqliteLog): void => {
  const [first] = database.pragma('integrity_check') as { integrity_check: string }[];
  if (first?.integrity_check === 'ok') return;
  throw new Failure(`SQLite finds ${file} damaged: ${first?.integrity_check}`, {
    hint: 'put a backup back: innernet-server restore',
  });
};

const checkRecords = async (
  log: SqliteLog,
  from: Position,
  witnesses: Witnesses,
  onRecords: (records: readonly EventRecord[]) => void,
): Promise<Head> => {
  const progress = new Progress('checked', (await log.head()).position);
  try {
    return await verifyChain(log, from, (records) => {
      for (const record of records) witnesses.meet(record);
      onRecords(records);
      progress.reached(records.at(-1)?.position ?? from);
    });
  } finally {
    progress.end();
  }
};

/** With the read models, which can only be made from the first record on; left out where others write meanwhile. */
const checkFromTheFirst = async (log: SqliteLog, witnesses: Witnesses): Promise<Head> => {
  const second = new SecondMaking(log);
  try {
    const end = await checkRecords(log, 0, witnesses, (records) => second.take(records));
    if ((await log.head()).position === end.position) second.finish();
    return end;
  } finally {
    second.close();
  }
};

/** Notes from before the part that is checked are looked up; the others are met on the way. */
const meetEarlier = async (
  log: SqliteLog,
  from: Position,
  noted: readonly NotedHead[],
  witnesses: Witnesses,
) => {
  for (const { position } of noted) {
    const [record] = position <= from && position > 0 ? await log.read(position - 1, 1) : [];
    if (record) witnesses.meet(record);
  }
};

/** Throws `Failure`, `DamagedLog` with the first bad position where a record is wrong. */
export const verify = async (network: InterfaceName, options: VerifyOptions): Promise<void> => {
  const { from = 0, witness, json } = options;
  const log = await openNetworkLog(network, options);
  try {
    const seen = await checkWitness(log);
    const witnesses = new Witnesses(witness);
    await meetEarlier(log, from, witness, witnesses);
    const end = await (from === 0
      ? checkFromTheFirst(log, witnesses)
      : checkRecords(log, from, witnesses, () => {}));
    witnesses.finish(end.position);
    checkSqlite(log);
    const networkId = await log.networkId();
    if (!networkId) throw new DamagedLog(1, `${log.file} holds no network`);
    if (json) {
      answerJson({
        network,
        networkId,
        from,
        ...end,
        witness: seen?.position ?? null,
        noted: witness.length,
      });
      return;
    }
    const noted =
      witness.length > 0
        ? `; ${witness.length} noted ${witness.length === 1 ? 'head is' : 'heads are'} in it`
        : '';
    answer(`${network} is sound: records ${from + 1} to ${end.position}, up to ${shortHead(end)}${noted}`);
  } finally {
    await log.close();
  }
};
