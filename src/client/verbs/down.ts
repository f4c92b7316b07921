/** `innernet down`: the only verb that takes tunnels down. */
import { isOnlySaid, type LocalChangeOptions } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { answerJson, note } from '../../cli/print.ts';
import { ordersToRemoveTable, removeTable } from '../../filter/kept-table.ts';
import { forgetRelay, ordersToForgetRelay } from '../../filter/relay-ways.ts';
import { removeSwapTable } from '../../filter/swap-table.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openDevice, takeDown } from '../../wireguard/tunnel.ts';
import { readConf } from '../memory/conf-file.ts';
import { pathsOf } from '../memory/paths.ts';
import { askOwnerOf } from '../owner/owned-network.ts';
import { ordersToPutSwitchesBack, putSwitchesBack } from '../router/switches.ts';
import { forgetExit, ordersToForgetExit } from '../tunnels/exit.ts';

export type DownOptions = GlobalOptions & LocalChangeOptions;

/** Ends the network's owner process, then removes the device. Throws a `Failure` when not installed. */
export const down = async (network: InterfaceName, options: DownOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  await readConf(paths.conf, network);
  const changes = [
    ...((await openDevice(network)) ? [`remove the device ${network} with its tunnels`] : []),
    ...(await ordersToRemoveTable(network)),
    ...(await ordersToForgetRelay(network, paths.relayForwarding)),
    ...ordersToForgetExit(paths.exit),
    ...ordersToPutSwitchesBack(paths),
  ];
  if (isOnlySaid({ network, changes }, options)) return;
  await askOwnerOf(paths, { ask: 'stop' });
  await removeSwapTable(network).catch(() => {}); // a program that was killed may have left it
  await forgetRelay(network, paths.relayForwarding);
  await forgetExit(paths.exit);
  putSwitchesBack(paths);
  if (!(await takeDown(network))) note(`innernet: ${network} is down already`);
  await removeTable(network);
  if (options.json) answerJson({ network, changes });
};
