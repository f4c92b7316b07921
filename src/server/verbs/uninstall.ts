/** `innernet-server uninstall`: removes a network; its log only on request. */
import { existsSync } from 'node:fs';
import { Questions } from '../../cli/ask.ts';
import { writeHosts } from '../../cli/hosts-file.ts';
import { isOnlySaid, sayDone } from '../../cli/local-change.ts';
import { note } from '../../cli/print.ts';
import { ordersToRemoveTable, removeTable } from '../../filter/kept-table.ts';
import { ordersToPutForwardingBack, putForwardingBack } from '../../filter/lent-forwarding.ts';
import { forgetRelay, ordersToForgetRelay } from '../../filter/relay-ways.ts';
import { removeFile } from '../../machine/durable-file.ts';
import { logFiles } from '../../store/log-files.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openDevice, takeDown } from '../../wireguard/tunnel.ts';
import { filesOf, type NetworkFiles } from '../disk/files.ts';
import { holdersOf } from '../disk/open-files.ts';
import { SECRET_FILES } from '../disk/secrets.ts';
import type { UninstallOptions } from './options.ts';

/** Also completes an interrupted run. Throws a `Failure`: no such network, being served, or not confirmed. */
export const uninstall = async (network: InterfaceName, options: UninstallOptions): Promise<void> => {
  const files = filesOf(network, options);
  if (!existsSync(files.conf) && !existsSync(files.log))
    throw new Failure(`there is no network here by that name: ${files.conf} is missing`, {
      hint: `see what there is: ls ${options.configDir}`,
    });
  const change = { network, changes: await ordersOf(network, files, options) };
  if (isOnlySaid(change, options)) return;
  const held = lock(network, files);
  try {
    const log = await mayDeleteLog(network, files, options);
    putForwardingBack(files.phoneForwarding);
    await takeDown(network);
    await removeTable(network);
    await forgetRelay(network, files.relayForwarding);
    if (options.writeHosts) await writeHosts(options.hostsPath, network, () => []);
    for (const path of secretFiles(files)) await removeFile(path);
    const rest = log ? [...recordFiles(files), ...lockFiles(files)] : [];
    for (const path of rest) await removeFile(path);
  } finally {
    held?.release();
  }
  sayDone(change, options, `uninstalled ${network}`);
  for (const path of [files.log, files.foreignDatabase]) if (existsSync(path)) note(`left as it is: ${path}`);
};

const ordersOf = async (
  network: InterfaceName,
  files: NetworkFiles,
  { writeHosts: isToWrite, hostsPath, deleteLog }: UninstallOptions,
): Promise<string[]> => {
  const paths = [...secretFiles(files), ...(deleteLog ? recordFiles(files) : [])].filter((path) =>
    existsSync(path),
  );
  return [
    ...((await openDevice(network)) ? [`remove the device ${network} with its tunnels`] : []),
    ...(await ordersToRemoveTable(network)),
    ...(await ordersToForgetRelay(network, files.relayForwarding)),
    ...ordersToPutForwardingBack(files.phoneForwarding),
    ...(isToWrite ? [`take the names of ${network} out of ${hostsPath}`] : []),
    ...paths.map((path) => `delete ${path}`),
  ];
};

const secretFiles = (files: NetworkFiles): string[] => [
  ...SECRET_FILES.map((file) => files[file]),
  files.kit,
];

const recordFiles = ({ log, notified, ...files }: NetworkFiles): string[] => [
  ...[files.observations, files.relay, files.unproved, files.claims, files.tableLosses],
  ...[files.standing, files.standby],
  ...[notified, `${notified}.lock`, `${notified}.pid`],
  ...logFiles(log),
];

const lockFiles = ({ lock: stem }: NetworkFiles): string[] => [`${stem}.pid`, `${stem}.lock`];

const mayDeleteLog = async (
  network: string,
  { conf, log }: NetworkFiles,
  options: UninstallOptions,
): Promise<boolean> => {
  const questions = new Questions(options);
  const goes = options.deleteLog && existsSync(log);
  const what = goes ? `${conf} and the log ${log}, the only record of what happened there,` : conf;
  const stays = goes || !existsSync(log) ? '' : ` The log ${log} stays; --delete-log deletes it too.`;
  const lost = 'Its peers lose their server for good, for nobody else has this key.';
  await questions.sure(
    `Uninstall the network ${network}? Its device and ${what} will be deleted. ${lost}${stays}`,
  );
  return options.deleteLog ?? false;
};

/** Refuses while a server of ours or innernet 2.0's runs. */
const lock = (
  network: string,
  { lock: stem, foreignDatabase, log }: NetworkFiles,
): ProcessLock | undefined => {
  const hint = `stop it first: systemctl disable --now innernet-server@${network}`;
  const [holder] = existsSync(foreignDatabase) ? holdersOf(foreignDatabase) : [];
  if (holder)
    throw new Failure(`${foreignDatabase} is open in ${holder.program} (process ${holder.pid})`, { hint });
  if (!existsSync(log)) return undefined;
  try {
    return ProcessLock.take(stem, `a server of ${network}`);
  } catch (error) {
    throw error instanceof Failure ? new Failure(error.message, { hint, cause: error }) : error;
  }
};
