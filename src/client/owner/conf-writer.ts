/** Changes a conf: through the network's owner if there is one, else in this process. */
import type { InterfaceName } from '../../values/name.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { groundOf, readConf, writeConf } from '../memory/conf-file.ts';
import { readState } from '../memory/journal.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import { type ConfChange, changed, putOn } from '../tunnels/conf-change.ts';
import { alone } from './alone.ts';
import { askOwnerOf } from './owned-network.ts';

/** Changes the conf and the existing device. Throws a `Failure` and changes nothing. */
export const changeConf = async (
  network: InterfaceName,
  paths: NetworkPaths,
  change: ConfChange,
): Promise<void> => {
  if ((await askOwnerOf(paths, { ask: 'changeConf', change })) !== undefined) return;
  await alone(network, paths, async () => {
    const conf = await readConf(paths.conf, network);
    const { mirror } = await readState(paths, groundOf(conf));
    const device = await openDevice(network);
    if (device) await putOn(device, change, mirror);
    await writeConf(paths.conf, changed(conf, change));
  });
};
