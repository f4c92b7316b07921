// A program of the server's machine on the same log: each line it reads is a command to carry out, each that it prints what came of it.
import { createInterface } from 'node:readline';
import { Command } from '../../src/domain/command.ts';
import { Rejected } from '../../src/domain/rejection.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { ControlPlane } from '../../src/server/commands/control-plane.ts';
import { LoggedNetwork } from '../../src/server/live/logged-network.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { OPERATOR } from '../server/asking.ts';

const [file = ''] = process.argv.slice(2);
const log = await openSqliteLog({ file, readModels: READ_MODELS });
const plane = new ControlPlane(log, await LoggedNetwork.load(log));
process.stdout.write('"ready"\n');
/** Waits by counting, because a timer is too coarse to meet others at every step of theirs. */
const spin = (microseconds: number): void => {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
};
for await (const line of createInterface({ input: process.stdin })) {
  const { asked, commandId, wait = 0 } = JSON.parse(line);
  spin(wait);
  const request = { actor: OPERATOR, ...(commandId ? { commandId } : {}) };
  const answer = await plane.execute(Command.parse(asked), request).then(
    ({ position, hash }) => ({ position, hash }),
    (error: unknown) => ({ refused: error instanceof Rejected ? error.rejection.code : String(error) }),
  );
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await log.close();
