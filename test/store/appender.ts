// A process that appends to a log and keeps a journal of what was acknowledged: appender.ts LOG JOURNAL [COUNT]
import { fsyncSync, openSync, writeSync } from 'node:fs';
import { sha256Text } from '../../src/machine/sha256.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { PeerId } from '../../src/values/id.ts';
import { Timestamp } from '../../src/values/time.ts';

const [file = '', journal = '', count = 'Infinity'] = process.argv.slice(2);
const fd = openSync(journal, 'a');
const log = await openSqliteLog({ file, readModels: READ_MODELS });
const actor = JSON.stringify({ kind: 'operator', uid: 0 });
const peerId = PeerId.parse(1);

for (let round = 0; round < Number(count); round++) {
  const { position } = await log.head();
  const commandId = `${process.pid}-${round}`;
  const result = await log.append(position, [
    {
      actor,
      commandId,
      commandDigest: sha256Text(commandId),
      recordedAt: Timestamp.parse(new Date().toISOString()),
      events: Array.from({ length: 1 + (round % 3) * 2 }, () => ({
        type: 'PeerRenamed',
        peerId,
        name: commandId,
      })),
    },
  ]);
  if (result.kind !== 'committed') throw new Error(`the log answered ${result.kind}`);
  writeSync(fd, `${result.head.position} ${result.head.hash}\n`);
  fsyncSync(fd);
}
await log.close();
