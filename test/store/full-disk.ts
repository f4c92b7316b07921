// Fills the disk under a log and makes room again: full-disk.ts FOLDER (a small file system); tells what happened.
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { sha256Text } from '../../src/machine/sha256.ts';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { verifyChain } from '../../src/store/verify.ts';
import { Failure } from '../../src/values/failure.ts';
import { PeerId } from '../../src/values/id.ts';
import { Timestamp } from '../../src/values/time.ts';

const [folder = ''] = process.argv.slice(2);
const log = await openSqliteLog({
  file: `${folder}/acme.events`,
  readModels: READ_MODELS,
  mode: 'create',
});

let commands = 0;
const append = async (): Promise<string> => {
  const { position } = await log.head();
  const commandId = `command-${++commands}`;
  try {
    const { kind } = await log.append(position, [
      {
        actor: JSON.stringify({ kind: 'server' }),
        commandId,
        commandDigest: sha256Text(commandId),
        recordedAt: Timestamp.parse(new Date().toISOString()),
        events: [{ type: 'PeerRenamed', peerId: PeerId.parse(1), name: commandId }],
      },
    ]);
    return kind;
  } catch (error) {
    return error instanceof Failure ? error.message : `a bug: ${error}`;
  }
};

const appendUntilRefused = async (): Promise<string> => {
  for (;;) {
    const answer = await append();
    if (answer !== 'committed') return answer;
  }
};

const filler = `${folder}/filler`;
const fill = (): void => {
  const fd = openSync(filler, 'w');
  try {
    for (;;) writeSync(fd, Buffer.alloc(4096));
  } catch {
    closeSync(fd);
  }
};

const first = await append();
fill();
const whenFull = await appendUntilRefused();
const again = await append();
const before = await log.head();
rmSync(filler);
const whenRoomy = await append();
const head = await verifyChain(log);
await log.close();
console.log(JSON.stringify({ first, whenFull, again, whenRoomy, grewBy: head.position - before.position }));
