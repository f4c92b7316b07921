/** `innernet uninstall`: leaves a network for good, with key and pins; only an invitation leads back. */
import { existsSync } from 'node:fs';
import { Questions } from '../../cli/ask.ts';
import { writeHosts } from '../../cli/hosts-file.ts';
import { isOnlySaid, sayDone } from '../../cli/local-change.ts';
import { ordersToRemoveTable, removeTable } from '../../filter/kept-table.ts';
import { forgetRelay, ordersToForgetRelay } from '../../filter/relay-ways.ts';
import { removeFile } from '../../machine/durable-file.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openDevice, takeDown } from '../../wireguard/tunnel.ts';
import { type NetworkPaths, pathsOf } from '../memory/paths.ts';
import type { UninstallOptions } from '../options.ts';
import { askOwnerOf } from '../owner/owned-network.ts';
import { Ownership } from '../owner/owner.ts';
import { ordersToPutSwitchesBack, putSwitchesBack } from '../router/switches.ts';
import { forgetExit, ordersToForgetExit } from '../tunnels/exit.ts';

/** Also after an interrupted run. Throws a `Failure`: not installed, not confirmed, or a foreign device. */
export const uninstall = async (network: InterfaceName, options: UninstallOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  const files = filesOf(paths).filter((path) => existsSync(path));
  if (files.length === 0)
    throw new Failure(`the network ${network} is not installed: there is no ${paths.conf}`, {
      hint: 'see what is: innernet show',
    });
  const change = {
    network,
    changes: await ordersOf(network, { files, paths }, options),
  };
  if (isOnlySaid(change, options)) return;
  const lost = 'This machine can come back with a new invitation only.';
  await new Questions(options).sure(
    `Uninstall ${network}? Its device and ${files.join(', ')} will be deleted. ${lost}`,
  );
  await askOwnerOf(paths, { ask: 'stop' });
  const ownership = await Ownership.take(paths.socket, async () => {
    throw new Failure(`${network} is just being uninstalled`);
  });
  if (!ownership) throw new Failure(`${network} is just being changed`, { hint: 'try again in a moment' });
  try {
    await remove(network, paths, options);
  } finally {
    await ownership.release();
  }
  sayDone(change, options, `uninstalled ${network}`);
};

const ordersOf = async (
  network: InterfaceName,
  { files, paths }: { files: readonly string[]; paths: NetworkPaths },
  { writeHosts: isToWrite, hostsPath }: UninstallOptions,
): Promise<string[]> => [
  ...((await openDevice(network)) ? [`remove the device ${network} with its tunnels`] : []),
  ...(await ordersToRemoveTable(network)),
  ...(await ordersToForgetRelay(network, paths.relayForwarding)),
  ...ordersToPutSwitchesBack(paths),
  ...ordersToForgetExit(paths.exit),
  ...(isToWrite ? [`take the names of ${network} out of ${hostsPath}`] : []),
  ...files.map((path) => `delete ${path}`),
];

/** The conf first: without it nothing can bring the network up without its pins. */
const filesOf = (paths: NetworkPaths): string[] => {
  const { conf, pending, signing, state, journal, proved, moment, relay, served, carried } = paths;
  return [conf, pending, signing, state, journal, proved, moment, relay, served, carried];
};

const remove = async (
  network: InterfaceName,
  paths: NetworkPaths,
  { writeHosts: isToWrite, hostsPath }: UninstallOptions,
): Promise<void> => {
  putSwitchesBack(paths);
  await forgetExit(paths.exit);
  await takeDown(network);
  await removeTable(network);
  await forgetRelay(network, paths.relayForwarding);
  if (isToWrite) await writeHosts(hostsPath, network, () => []);
  for (const path of filesOf(paths)) await removeFile(path);
};
