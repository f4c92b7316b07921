/** `innernet fetch`: syncs a running network with the server once. */
import { during } from '../../cli/progress.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openDevice } from '../../wireguard/tunnel.ts';
import { readConf } from '../memory/conf-file.ts';
import { pathsOf } from '../memory/paths.ts';
import type { FetchOptions } from '../options.ts';
import { askOwnerOf, OwnedNetwork } from '../owner/owned-network.ts';

/** Throws a `Failure` when the network is not up or the server does not answer. */
export const fetch = async (network: InterfaceName, options: FetchOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  await readConf(paths.conf, network);
  const what = `waiting for the server of ${network}`;
  if ((await during(what, askOwnerOf(paths, { ask: 'synchronise' }))) !== undefined) return;
  if (!(await openDevice(network)))
    throw new Failure(`${network} is not up`, { hint: `bring it up: innernet up ${network}` });
  const owned = await OwnedNetwork.open(network, options);
  try {
    if (owned) await during(what, owned.synchronise());
  } finally {
    await owned?.close();
  }
};
