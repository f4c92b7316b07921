/** Takes back what this machine carried, where no program follows the network that would do so. */
import type { GlobalOptions } from '../../cli/options.ts';
import type { InterfaceName } from '../../values/name.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import { readState } from '../memory/journal.ts';
import type { NetworkPaths } from '../memory/paths.ts';
import { routerOf } from '../router/router-of.ts';
import { putSwitchesBack } from '../router/switches.ts';
import { InboundLimits } from '../tunnels/inbound-limits.ts';
import { tunnelConfig } from '../tunnels/tunnel-config.ts';
import { alone } from './alone.ts';
import { sayOf } from './owned-network.ts';

/** Forwarding ends with the last offer; the table keeps limits. Throws a `Failure` when another process owns the network. */
export const settleWithoutProgram = (
  network: InterfaceName,
  paths: NetworkPaths,
  options: GlobalOptions,
): Promise<void> =>
  alone(network, paths, async () => {
    const conf = await readConf(paths.conf, network);
    const { mirror } = await readState(paths, groundOf(conf));
    const say = sayOf(network);
    const about = { network, paths, say, tunnel: tunnelConfig(network, conf, options) };
    const router = routerOf(about, { now: conf }, mirror);
    if (!router.isOffering) putSwitchesBack(paths);
    const limits = new InboundLimits({
      ...{ network, mirror, say },
      carrying: () => router.carrying,
      exits: () => conf.exit !== undefined,
      onChange: () => {},
    });
    await limits.start();
    await limits.close();
  });
