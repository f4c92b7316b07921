/** `innernet-server export`: the log on stdout, for checks without our programs. */

import { once } from 'node:events';
import type { EventRecord } from '../../events/record.ts';
import { type ExportHeader, exportedRecord, keptBack } from '../../protocol/exported-log.ts';
import type { EventLog } from '../../store/log.ts';
import { Failure } from '../../values/failure.ts';
import type { Position } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openNetworkLog } from '../past/local-past.ts';
import { LogPast } from '../past/past.ts';
import type { ExportLogOptions } from './options.ts';

const PAGE_RECORDS = 1_000;

const write = async (text: string): Promise<void> => {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
};

const headerOf = async (log: EventLog): Promise<ExportHeader> => {
  const { network, networkId, position, hash } = await new LogPast(log).ask({ ask: 'head' });
  return { format: 'innernet-log', version: 1, network, networkId, position, hash };
};

/** Records outside `only` show their digest alone. */
const lineOf = (record: EventRecord, only: readonly Position[]): string =>
  JSON.stringify(
    only.length === 0 || only.includes(record.position) ? exportedRecord(record) : keptBack(record),
  );

const refuseUnknown = ({ position }: ExportHeader, only: readonly Position[]): void => {
  const unknown = only.find((each) => each < 1 || each > position);
  if (unknown === undefined) return;
  throw new Failure(`the log has no position ${unknown}: it ends at position ${position}`, {
    hint: 'see what there is',
    verb: 'history',
  });
};

/** Up to the present head. Throws `Failure` before the first byte. */
export const exportLog = async (network: InterfaceName, options: ExportLogOptions): Promise<void> => {
  const { json, only } = options;
  const log = await openNetworkLog(network, options);
  try {
    const header = await headerOf(log);
    refuseUnknown(header, only);
    await write(
      json ? `${JSON.stringify(header).slice(0, -1)},"records":[\n` : `${JSON.stringify(header)}\n`,
    );
    for (let after = 0; after < header.position; ) {
      const records = await log.read(after, Math.min(PAGE_RECORDS, header.position - after));
      after = records.at(-1)?.position ?? header.position;
      const lines = records.map((record) => lineOf(record, only)).join(json ? ',\n' : '\n');
      await write(json && after < header.position ? `${lines},\n` : `${lines}\n`);
    }
    if (json) await write(']}\n');
  } finally {
    await log.close();
  }
};
