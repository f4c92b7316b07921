/** `innernet-server move-log`: puts a network's log into PostgreSQL, or back into its file. */
import { existsSync, readFileSync } from 'node:fs';
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { answer, answerJson, note } from '../../cli/print.ts';
import { during, Progress } from '../../cli/progress.ts';
import { replaceFile } from '../../machine/durable-file.ts';
import { openLog } from '../../projections/open-log.ts';
import { READ_MODELS } from '../../projections/projections.ts';
import type { Head } from '../../store/log.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { isReplicaFile } from '../../store/replica-mark.ts';
import { checkWitness, verifyChain } from '../../store/verify.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type PostgresAddress, parsePostgresAddress } from '../../values/postgres-address.ts';
import { readConf, type ServerConf, withLogPlace } from '../disk/conf.ts';
import { filesOf, logOf, type NetworkFiles } from '../disk/files.ts';
import { holdersOf } from '../disk/open-files.ts';

export type MoveLogOptions = GlobalOptions &
  LocalChangeOptions & { yes?: true | undefined; toFile?: true | undefined };

/**
 * `to`: the database's address. Throws `Failure` and leaves all as it was, or, cut off in the middle, so that the
 * same can be said again: no such network, being served, a database that cannot be used or has another network.
 */
export const moveLog = async (
  network: InterfaceName,
  to: string | undefined,
  options: MoveLogOptions,
): Promise<void> => {
  if ((to === undefined) === (options.toFile === undefined))
    throw new Failure('where to? either into a database or, with --to-file, back into the file', {
      hint: `innernet-server move-log ${network} postgres://innernet@db.example.org/innernet`,
    });
  const files = filesOf(network, options);
  const conf = readConf(files.conf);
  const file = logOf(network, files);
  if (to === undefined) return leave(network, { files, conf, file }, options);
  const address = parsePostgresAddress(to);
  if (address.password) throw openPassword(files.conf);
  return enter(network, { files, conf, file, address }, options);
};

type Place = { files: NetworkFiles; conf: ServerConf; file: string };

const enter = async (
  network: InterfaceName,
  { files, conf, file, address }: Place & { address: PostgresAddress },
  options: MoveLogOptions,
): Promise<void> => {
  if (!existsSync(file)) throw new Failure(`there is no log of ${network} here: ${file} is missing`);
  if (conf.postgres && conf.postgres.text !== address.text)
    throw new Failure(`the log of ${network} is in another database already: ${conf.postgres.text}`, {
      hint: `bring it back first: innernet-server move-log ${network} --to-file`,
    });
  const { finishMove, mayMoveIn, moveIn } = await import('../../store/postgres/move.ts');
  const head = await mayMoveIn(file, address);
  const changes = [
    `copy ${head.position} records and the answers to commands into ${address.text}`,
    `make ${file} a copy of the log there`,
    `write [log] postgres into ${files.conf}`,
  ];
  if (isOnlySaid({ network, changes }, options)) return;
  await new Questions(options).sure(
    `Move the log of ${network} to ${address.text}? Nobody can change the network while that database is away.`,
  );
  await whileUnserved(network, files, async () => {
    await during('checking the log', checked(file));
    const progress = new Progress('moved', head.position);
    await moveIn(file, address, (position) => progress.reached(position)).finally(() => progress.end());
    if (!conf.postgres) await writePlace(files.conf, address.text);
    await finishMove(file, address);
  });
  tell(
    network,
    head,
    options,
    `the log of ${network} is in ${address.text}, up to position ${head.position}`,
  );
  if (!options.json) {
    note(
      `serve it: innernet-server serve ${network}; on other machines too, with this conf and without a log`,
    );
    if (process.env.PGPASSWORD !== undefined || process.env.PGPASSFILE !== undefined)
      note(
        `"serve" needs the password too: PGPASSFILE in its environment, or the conf: postgres://user:password@…`,
      );
  }
};

const leave = async (
  network: InterfaceName,
  { files, conf, file }: Place,
  options: MoveLogOptions,
): Promise<void> => {
  const { postgres } = conf;
  if (!postgres) throw new Failure(`the log of ${network} is in its file: ${file}`);
  const changes = [
    `stop all changes in ${postgres.text}, and fetch what is only there`,
    `make ${file} the log`,
    `take [log] out of ${files.conf}`,
  ];
  if (isOnlySaid({ network, changes }, options)) return;
  await new Questions(options).sure(
    `Bring the log of ${network} back to this machine? Its other servers can serve it no longer.`,
  );
  const { moveOut } = await import('../../store/postgres/move.ts');
  const head = await whileUnserved(network, files, async () => {
    const moved = await during('fetching the log', moveOut(file, postgres, READ_MODELS));
    await writePlace(files.conf, undefined);
    return moved;
  });
  tell(network, head, options, `the log of ${network} is in ${file}, up to position ${head.position}`);
};

const whileUnserved = async <T>(network: string, files: NetworkFiles, work: () => Promise<T>): Promise<T> => {
  const lock = ProcessLock.take(files.lock, `a server of ${network}`);
  try {
    const [holder] = existsSync(files.log) ? holdersOf(files.log) : [];
    if (holder)
      throw new Failure(`${files.log} is open in ${holder.program} (process ${holder.pid})`, {
        hint: 'wait until that program is through, or stop it',
      });
    return await work();
  } finally {
    lock.release();
  }
};

/** A damaged or shortened log stays where it is. */
const checked = async (file: string): Promise<void> => {
  const log = await openLog({ file, migrate: true });
  try {
    if (!isReplicaFile(file)) await checkWitness(log);
    await verifyChain(log);
  } finally {
    await log.close();
  }
};

const writePlace = (conf: string, address: string | undefined): Promise<void> =>
  replaceFile(conf, withLogPlace(readFileSync(conf, 'utf8'), address));

const tell = (network: string, { position, hash }: Head, { json }: MoveLogOptions, words: string): void => {
  if (json) answerJson({ network, position, hash });
  else answer(words);
};

const openPassword = (conf: string): Failure =>
  new Failure('a password on a command line can be read by all users of this machine', {
    hint: `put it into a file that PGPASSFILE names, as libpq's .pgpass; later it may stand in ${conf}`,
  });
