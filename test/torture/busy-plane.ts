// A process that asks a control plane for changes, several at a time, as `serve` does for its clients: busy-plane.ts LOG JOURNAL
import { fsyncSync, openSync, writeSync } from 'node:fs';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { ControlPlane } from '../../src/server/commands/control-plane.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { addPeer, ask } from '../server/asking.ts';

/** Who waits at the same time, and how often each of them asks. */
const ASKERS = 4;
const QUESTIONS = 8;

const [file = '', journal = ''] = process.argv.slice(2);
const fd = openSync(journal, 'a');
const log = await openSqliteLog({ file, readModels: READ_MODELS });
const plane = new ControlPlane(log, await LoggedNetwork.load(log));
const keepAsking = async (asker: number): Promise<void> => {
  for (let number = 0; number < QUESTIONS; number += 1) {
    const { position, hash } = await ask(plane, addPeer(`peer-${asker}-${number}`));
    writeSync(fd, `${position} ${hash}\n`);
    fsyncSync(fd);
  }
};
await Promise.all(Array.from({ length: ASKERS }, (_, asker) => keepAsking(asker)));
await log.close();
