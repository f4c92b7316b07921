/** `innernet-server standby`: this machine follows the server's log, so that it can take over. */
import { existsSync, readFileSync } from 'node:fs';
import manifest from '../../../package.json' with { type: 'json' };
import { CLIENT_FOLDERS, clientPlace } from '../../caller/client-place.ts';
import { Prover } from '../../caller/prover.ts';
import { TunnelWay } from '../../caller/way.ts';
import { isOnlySaid } from '../../cli/local-change.ts';
import { localTime, note } from '../../cli/print.ts';
import { Supervisor } from '../../cli/supervisor.ts';
import { printable } from '../../domain/rejection.ts';
import { makeFolder, replaceFile } from '../../machine/durable-file.ts';
import { stopSignal } from '../../machine/stop-signal.ts';
import { openReplica } from '../../projections/open-replica.ts';
import { type Conf, parseConf } from '../../protocol/conf.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import type { ReplicaLog } from '../../store/replica-log.ts';
import { Failure } from '../../values/failure.ts';
import type { Hash } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { publicKeyOf } from '../../wireguard/public-key.ts';
import { timestamp } from '../commands/control-plane.ts';
import { filesOf, type NetworkFiles, refuseOpenFolders } from '../disk/files.ts';
import { kitHead } from '../disk/kit.ts';
import { Following } from '../following/following.ts';
import { KeptObservations } from '../following/kept-observations.ts';
import { StandbyFile } from '../following/standby-file.ts';
import type { StandbyOptions } from './options.ts';

const say = (text: string): void => note(`innernet-server: ${printable(text)}`);

/** What it takes to follow: the client's conf, and the kit as a text that stays sealed. */
type Means = { conf: Conf; kit: string; files: NetworkFiles; networkId: Hash | undefined };

/**
 * Follows until SIGTERM or SIGINT. Throws `Failure`: this machine serves the network or is not in it, a kit or a
 * log of another network, a peer that is not named, a program too old.
 */
export const standby = async (network: InterfaceName, options: StandbyOptions): Promise<void> => {
  if (options.rejoin) return (await import('./rejoin.ts')).rejoin(network, options);
  const stopped = stopSignal();
  const supervisor = Supervisor.find();
  const means = await meansOf(network, options);
  if (isOnlySaid({ network, changes: ordersOf(network, means) }, options)) return;
  const { files } = means;
  await makeFolder(options.dataDir);
  const lock = ProcessLock.take(files.lock, `a server or standby of ${network}`);
  try {
    await replaceFile(files.kit, means.kit);
    await follow(network, means, { stopped, supervisor });
    say(`${network} is not followed any more; its log stays in ${files.log}`);
  } finally {
    supervisor.stopping();
    lock.release();
  }
};

const ordersOf = (network: InterfaceName, { kit, conf, files }: Means): string[] => [
  ...(existsSync(files.kit) && readFileSync(files.kit, 'utf8') === kit
    ? []
    : [`keep the kit, sealed as it is, in ${files.kit}`]),
  `write what the server of ${network} at ${conf.server.internalEndpoint} records into ${files.log}, until stopped`,
];

const meansOf = async (network: InterfaceName, options: StandbyOptions): Promise<Means> => {
  await refuseOpenFolders(options);
  const files = filesOf(network, options);
  if (existsSync(files.conf))
    throw new Failure(`this machine serves ${network}, or did: it has ${files.conf}`, {
      hint: `where another machine serves by now: innernet-server standby ${network} --rejoin`,
    });
  const conf = readClientConf(network, options.clientConf ?? clientPlace(network, CLIENT_FOLDERS).conf);
  const source = options.of ?? files.kit;
  const kit = readKit(network, source, options.of === undefined);
  const head = kitHead(kit, source);
  if (head.publicKey !== conf.server.publicKey)
    throw new Failure(`${source} is the kit of another server than the one that ${network} has here`, {
      hint: `make one there: innernet-server kit ${network} --save FILE`,
    });
  return { conf, kit, files, networkId: head.networkId };
};

const readClientConf = (network: InterfaceName, path: string): Conf => {
  try {
    return parseConf(readFileSync(path, 'utf8'), path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Failure(`this machine is not in the network ${network}: there is no ${path}`, {
      hint: 'a standby is a peer of its network: innernet install INVITATION',
      cause: error,
    });
  }
};

const readKit = (network: InterfaceName, path: string, isOwn: boolean): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Failure(isOwn ? `this machine has no kit of ${network} yet` : `there is no ${path}`, {
      hint: `make it on the server, then name it: innernet-server kit ${network} --save FILE; innernet-server standby ${network} --of FILE`,
      cause: error,
    });
  }
};

const follow = async (
  network: InterfaceName,
  { conf, files, networkId }: Means,
  { stopped, supervisor }: { stopped: Promise<void>; supervisor: Supervisor },
): Promise<void> => {
  const { publicKey, internalEndpoint } = conf.server;
  const kept = (copy: string): void =>
    say(`the log is brought to the format of this version; as it was before, it is kept as ${copy}`);
  const log = await openReplica({ file: files.log, kept });
  const observations = new KeptObservations(files.observations);
  const of = { networkName: conf.networkName, publicKey, ...(networkId ? { networkId } : {}) };
  const { position } = log.head;
  const state = new StandbyFile(files.standby, { version: 1, of, since: timestamp(), position });
  try {
    refuseOther(log, networkId, files);
    const following = new Following({
      network,
      log,
      server: { endpoint: internalEndpoint, key: publicKey },
      way: new TunnelWay(network, publicKeyOf(conf.privateKey)),
      prover: new Prover(conf.privateKey, publicKey),
      version: manifest.version,
      state,
      observations,
      say,
    });
    await supervisor.ready(() => statusOf(network, log, state));
    void stopped.then(() => following.stop());
    await following.run();
  } finally {
    observations.close();
    state.close();
    await log.close();
  }
};

const refuseOther = (log: ReplicaLog, networkId: Hash | undefined, { log: file }: NetworkFiles): void => {
  if (networkId === undefined || log.networkId === undefined || log.networkId === networkId) return;
  throw new Failure(`${file} is the log of another network than the kit is of`, {
    hint: `move it away, with all that lies beside it: ${file}*`,
  });
};

const statusOf = (network: string, log: ReplicaLog, state: StandbyFile): string => {
  const { heard, trouble } = state.now;
  const last = heard === undefined ? '' : `, server heard ${localTime(heard)}`;
  return `standby of ${network}: position ${log.head.position}${last}${trouble === undefined ? '' : `; ${trouble}`}`;
};
