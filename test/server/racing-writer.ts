// A program on the same log: for each line it reads, it asks for peers of that name, all at once, and prints what it got.
import { createInterface } from 'node:readline';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { ControlPlane } from '../../src/server/commands/control-plane.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { addPeer, attempts } from './asking.ts';

const [file = '', who = ''] = process.argv.slice(2);
const log = await openSqliteLog({ file, readModels: READ_MODELS });
const plane = new ControlPlane(log, await LoggedNetwork.load(log));
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [name = '', times = ''] = line.split(' ');
  const commands = Array.from({ length: Number(times) }, (_, count) =>
    addPeer(name, `${name} ${who} ${count}`),
  );
  process.stdout.write(`${JSON.stringify(await attempts(plane, commands))}\n`);
}
await log.close();
