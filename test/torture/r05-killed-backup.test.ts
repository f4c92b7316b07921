// R5: killed while a backup is made: there is a whole, checked copy or none, and the log is as it was.
import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { backupLog, inspectLog } from '../../src/store/backup.ts';
import { acme, cidrId } from '../acme.ts';
import { ServerProgram } from '../server/program.ts';
import { append, commitOf, tempFolder, tempLog } from '../store/temp-log.ts';
import { diceOf, roundsOr, sayTried, seed } from './seed.ts';

const dice = diceOf(seed);

it('R5: killed at any call, a backup is whole or not there', { timeout: 3_600_000 }, async () => {
  const server = new ServerProgram();
  onTestFinished(() => server.remove());
  await server.run(
    ...['new', '--no-relay', '--network-name', 'acme', '--network-cidr', '10.42.0.0/16', '--yes'],
    ...['--external-endpoint', 'vpn.example.org:51820'],
  );
  const log = join(server.dataDir, 'acme.events');
  const file = join(server.folder, 'copy');
  const tried = new Map<string, number>();
  for (let round = 0; round < roundsOr(6); round += 1) {
    const call = ['pwrite64', 'fsync', 'link', 'unlink'][round % 4] ?? 'fsync';
    const k = 1 + Math.floor(dice() * (call === 'pwrite64' ? 40 : call === 'link' ? 1 : 4));
    const inject = `inject=${call}:signal=KILL:when=${k}`;
    const command = server.command('backup', 'acme', file);
    const args = ['-f', '-qq', '-o', '/dev/null', '-P', file, '-P', `${file}.draft`, '-e', inject];
    const killed = await promisify(execFile)('strace', [...args, process.execPath, ...command]).then(
      () => false,
      () => true,
    );
    const outcome = `${killed ? 'killed' : 'through'}, ${existsSync(file) ? 'a whole copy' : 'no copy'}`;
    tried.set(outcome, (tried.get(outcome) ?? 0) + 1);
    if (existsSync(file)) expect((await inspectLog(file)).position).toBe(5);
    else expect(await server.run('backup', 'acme', file)).toMatchObject({ code: 0 });
    expect((await inspectLog(log)).position).toBe(5);
    rmSync(file, { force: true });
  }
  sayTried('R5', tried);
});

it('R5: a backup that is made beside a writer ends at a commit', async () => {
  const log = await tempLog();
  await append(log, commitOf(acme.created), commitOf([acme.humans]));
  const folder = tempFolder();
  const copies: Promise<unknown>[] = [];
  for (let n = 0; n < 40; n += 1) {
    const rename = (name: string) =>
      ({ type: 'CidrRenamed', cidrId: cidrId(3), name: name as never }) as const;
    await append(log, commitOf([rename(`a-${n}`), rename(`b-${n}`)]));
    if (n % 10 === 0) copies.push(backupLog(log.database, join(folder, `copy-${n}`)));
  }
  await Promise.all(copies);
  for (const n of [0, 10, 20, 30]) {
    const { position, hash } = await inspectLog(join(folder, `copy-${n}`));
    expect((await log.read(position - 1, 1))[0]?.hash).toBe(hash);
  }
});
