// R87: killed while a kit is made: there is a whole kit or none, and whatever key it asks with is in the log.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { READ_MODELS } from '../../src/projections/projections.ts';
import { openKit } from '../../src/server/disk/kit.ts';
import { readQuestionKey } from '../../src/server/disk/question-key.ts';
import { loadNetwork } from '../../src/server/live/load-network.ts';
import { openSqliteLog } from '../../src/store/sqlite-log.ts';
import { PrivateKey } from '../../src/values/key.ts';
import { publicKeyOf } from '../../src/values/key-pair.ts';
import { ServerProgram } from '../server/program.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const PASSPHRASE = 'correct horse battery';
const env = { INNERNET_KIT_PASSPHRASE: PASSPHRASE };
const dice = diceOf(seed);

const recordedIn = async (file: string) => {
  const log = await openSqliteLog({ file, readModels: READ_MODELS });
  try {
    return (await loadNetwork(log)).questionKey;
  } finally {
    await log.close();
  }
};

it('R87: killed at any call, a kit is whole or not there', { timeout: 3_600_000 }, async () => {
  const server = new ServerProgram();
  onTestFinished(() => server.remove());
  await server.run(
    ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes'],
    ...['--external-endpoint', 'vpn.example.org:51820'],
  );
  const log = join(server.dataDir, 'acme.events');
  const file = join(server.folder, 'acme.kit');
  const key = join(server.dataDir, 'acme.question-key');
  /** Whether there is a kit; it must then be whole, and ask with a key that the log has. */
  const look = async (): Promise<boolean> => {
    if (!existsSync(file)) return false;
    const { questionKey } = await openKit(readFileSync(file, 'utf8'), PASSPHRASE, file);
    const asked = publicKeyOf(PrivateKey.parse(questionKey?.trim()));
    expect(asked).toBe(await recordedIn(log));
    expect(asked).toBe(readQuestionKey(key)?.publicKey);
    return true;
  };
  const tried = new Map<string, number>();
  for (let round = 0; round < roundsOr(4); round += 1) {
    // Half of the time the pair is new, as with the first kit.
    if (round % 2 === 0) rmSync(key, { force: true });
    const call = ['rename', 'fsync', 'pwrite64'][Math.floor(dice() * 3)] ?? 'rename';
    const k = 1 + Math.floor(dice() * { rename: 3, fsync: 8, pwrite64: 12 }[call]!);
    const args = ['-f', '-qq', '-o', '/dev/null', '-e', `inject=${call}:signal=KILL:when=${k}`];
    const command = [process.execPath, ...server.command('kit', 'acme', '--save', file)];
    const killed = await promisify(execFile)('strace', [...args, ...command], {
      env: { ...process.env, ...env },
    }).then(
      () => false,
      () => true,
    );
    const outcome = `${killed ? 'killed' : 'through'}, ${(await look()) ? 'a whole kit' : 'no kit'}`;
    tried.set(outcome, (tried.get(outcome) ?? 0) + 1);
    expect(await server.runWith(env, 'kit', 'acme', '--save', file, '--yes')).toMatchObject({ code: 0 });
    expect(await look()).toBe(true);
    rmSync(file);
  }
  sayTried('R87', tried);
});
