/** `innernet down`: the only verb that takes tunnels down. */
import type { GlobalOptions } from '../cli/options.ts';
import { note } from '../cli/print.ts';
import type { InterfaceName } from '../values/name.ts';
import { takeDown } from '../wireguard/tunnel.ts';
import { readConf } from './conf-file.ts';
import { askOwnerOf } from './owned-network.ts';
import { pathsOf } from './paths.ts';

/** Ends the process that follows the network, then removes the device. Throws a `Failure` if not installed. */
export const down = async (network: InterfaceName, options: GlobalOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  await readConf(paths.conf, network);
  await askOwnerOf(paths, { ask: 'stop' });
  if (!(await takeDown(network))) note(`innernet: ${network} is down already`);
};
