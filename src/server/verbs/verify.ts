/** `innernet-server verify`: the log against itself, its witness, its storage and noted heads. */
import { answer, answerJson } from '../../cli/print.ts';
import { Progress } from '../../cli/progress.ts';
import { Witnesses } from '../../cli/verify-export.ts';
import { type NotedHead, shortHead } from '../../protocol/noted-head.ts';
import type { EventLog, Head } from '../../store/log.ts';
import { checkWitness, DamagedLog, verifyChain } from '../../store/verify.ts';
import type { Position } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openNetworkLog } from '../past/local-past.ts';
import type { VerifyOptions } from './options.ts';

const checkRecords = async (log: EventLog, from: Position, witnesses: Witnesses): Promise<Head> => {
  const progress = new Progress('checked', (await log.head()).position);
  try {
    return await verifyChain(log, from, (records) => {
      for (const record of records) witnesses.meet(record);
      progress.reached(records.at(-1)?.position ?? from);
    });
  } finally {
    progress.end();
  }
};

/** Noted heads before the checked part. */
const meetEarlier = async (
  log: EventLog,
  from: Position,
  noted: readonly NotedHead[],
  witnesses: Witnesses,
) => {
  for (const { position } of noted) {
    const [record] = position <= from && position > 0 ? await log.read(position - 1, 1) : [];
    if (record) witnesses.meet(record);
  }
};

/** Throws `Failure`, or `DamagedLog` with the first bad position. */
export const verify = async (network: InterfaceName, options: VerifyOptions): Promise<void> => {
  const { from = 0, witness, json } = options;
  const log = await openNetworkLog(network, options);
  try {
    const seen = await checkWitness(log);
    const witnesses = new Witnesses(witness);
    await meetEarlier(log, from, witness, witnesses);
    const end = await checkRecords(log, from, witnesses);
    witnesses.finish(end.position);
    await log.checkStorage();
    const networkId = await log.networkId();
    if (!networkId) throw new DamagedLog(1, `${log.name} holds no network`);
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
