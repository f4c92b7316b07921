/** `innernet-server standby --rejoin`: a machine that served gives that up; its own log goes aside, under another name. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { CLIENT_FOLDERS, clientPlace } from '../../caller/client-place.ts';
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { note } from '../../cli/print.ts';
import { removeTable } from '../../filter/kept-table.ts';
import { putForwardingBack } from '../../filter/lent-forwarding.ts';
import { forgetRelay } from '../../filter/relay-ways.ts';
import { openLog } from '../../projections/open-log.ts';
import { presentFiles } from '../../store/log-files.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openDevice, takeDown } from '../../wireguard/tunnel.ts';
import { timestamp } from '../commands/control-plane.ts';
import { filesOf, type NetworkFiles } from '../disk/files.ts';

export type RejoinOptions = GlobalOptions & LocalChangeOptions & { yes?: true | undefined };

/**
 * Nothing is deleted but the mark that keeps the client down. Can be repeated after a kill. Throws a `Failure` where
 * nothing of the network is here, or while it is served.
 */
export const rejoin = async (network: InterfaceName, options: RejoinOptions): Promise<void> => {
  const files = filesOf(network, options);
  const { promoted, conf: clientConf } = clientPlace(network, CLIENT_FOLDERS);
  const stamp = timestamp().replace(/[-:]|\.\d+/g, '');
  const moves = movesOf(files, stamp);
  if (moves.length === 0 && !existsSync(promoted))
    throw new Failure(`nothing is here that was served as ${network}`, {
      hint: `follow its server: innernet-server standby ${network} --of FILE`,
    });
  const isServer = existsSync(files.conf);
  const changes = [
    ...(isServer && (await openDevice(network)) ? [`remove the device ${network} with its tunnels`] : []),
    ...moves.map(([from, to]) => `rename ${from} to ${to}`),
    ...(existsSync(promoted) ? [`delete ${promoted}, so that the client may come up again`] : []),
  ];
  if (isOnlySaid({ network, changes }, options)) return;
  const lock = ProcessLock.take(files.lock, `a server of ${network}`);
  try {
    await new Questions(options).sure(
      `Give up serving ${network} from this machine? Its own log is kept as ${files.log}.aside-${stamp}, and nobody follows it.`,
    );
    if (isServer) await takeServerDown(network, files);
    await settle(files.log);
    for (const [from, to] of moves) if (existsSync(from)) renameSync(from, to);
    rmSync(promoted, { force: true });
  } finally {
    lock.release();
  }
  sayDone(
    { network, changes },
    options,
    `this machine serves ${network} no more; its own log is kept as ${files.log}.aside-${stamp}`,
  );
  if (!existsSync(clientConf))
    note(
      `it is no peer of ${network} yet: join it by an invitation, then on the server: innernet-server name-standby`,
    );
};

/** Closed in order, a log is one file: a kill between two renames does not part it from its last changes. */
const settle = async (file: string): Promise<void> => {
  if (!existsSync(file)) return;
  await openLog({ file })
    .then((log) => log.close())
    .catch(() => {}); // a damaged one goes aside as it is
};

/** The conf first: without it nothing is served. */
const movesOf = ({ conf, log, claims }: NetworkFiles, stamp: string): (readonly [string, string])[] =>
  [conf, claims, ...presentFiles(log)]
    .filter((file) => existsSync(file))
    .map((file) => [file, asideName(file, log, stamp)] as const);

/** What is beside the log keeps its ending, so that it is still beside it. */
const asideName = (file: string, log: string, stamp: string): string =>
  file.startsWith(log) ? `${log}.aside-${stamp}${file.slice(log.length)}` : `${file}.aside-${stamp}`;

const takeServerDown = async (network: InterfaceName, files: NetworkFiles): Promise<void> => {
  await forgetRelay(network, files.relayForwarding);
  putForwardingBack(files.phoneForwarding);
  await takeDown(network);
  await removeTable(network);
};
