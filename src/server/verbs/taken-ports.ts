/** The UDP ports of this machine's networks, also of those that are not served now. */
import { networksIn } from '../../cli/networks.ts';
import { SERVER_PEER } from '../../values/id.ts';
import type { InterfaceName } from '../../values/name.ts';
import { readConf } from '../disk/conf.ts';
import { type Folders, filesOf } from '../disk/files.ts';
import { loadNetwork } from '../live/load-network.ts';
import { openNetworkLog } from '../past/local-past.ts';

/** By port, such as `the network acme` or `the relay of the network acme`. */
export const takenPorts = async (folders: Folders): Promise<Map<number, string>> => {
  const ports = new Map<number, string>();
  for (const network of networksIn(folders)) {
    // A conf or log that cannot be read is reported where it is used.
    try {
      ports.set(readConf(filesOf(network, folders).conf).listenPort, `the network ${network}`);
      const relayPort = await relayPortOf(network, folders);
      if (relayPort !== undefined) ports.set(relayPort, `the relay of the network ${network}`);
    } catch {}
  }
  return ports;
};

const relayPortOf = async (network: InterfaceName, folders: Folders): Promise<number | undefined> => {
  const log = await openNetworkLog(network, folders);
  try {
    return (await loadNetwork(log)).peer(SERVER_PEER)?.relayPort;
  } finally {
    await log.close();
  }
};
