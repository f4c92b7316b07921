/** `innernet serve-relay`: lets this machine pass packets of other peers, if an admin names it a relay; or ends that. */
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { note } from '../../cli/print.ts';
import { RELAY_PORT } from '../../cli/relays.ts';
import { forgetRelay } from '../../filter/relay-ways.ts';
import type { InterfaceName } from '../../values/name.ts';
import { readConf } from '../memory/conf-file.ts';
import { pathsOf } from '../memory/paths.ts';
import { changeConf } from '../owner/conf-writer.ts';

export type ServeRelayOptions = GlobalOptions &
  LocalChangeOptions & {
    port?: number | undefined;
    off?: true | undefined;
    yes?: true | undefined;
  };

/** Throws a `Failure` and changes nothing when the network is not installed. */
export const serveRelay = async (network: InterfaceName, options: ServeRelayOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  const { relayPort: before } = await readConf(paths.conf, network);
  const questions = new Questions(options);
  const port = options.off ? undefined : (options.port ?? before ?? RELAY_PORT);
  const isSo = before === port;
  const change = { network, changes: isSo ? [] : [orderOf(network, port)] };
  if (isOnlySaid(change, options)) return;
  if (port !== undefined)
    await questions.confirmIfAsked(
      `Let this machine pass packets of other peers of ${network} at UDP port ${port}?`,
    );
  if (isSo) return sayDone(change, options, `nothing to do: ${stateOf(network, port)}`);
  await changeConf(network, paths, { what: 'relayPort', relayPort: port ?? null });
  // Also where no program runs that would do so.
  if (port === undefined) await forgetRelay(network, paths.relayForwarding);
  sayDone(change, options, stateOf(network, port));
  if (port !== undefined)
    note(
      `innernet: let UDP port ${port} through to this machine; it relays while "innernet up --daemon" runs, ` +
        `and once an admin has named it: innernet set-relay ${network} NAME --port ${port}`,
    );
};

const orderOf = (network: string, port: number | undefined): string =>
  port === undefined
    ? `pass no packets of other peers of ${network} any more`
    : `pass packets of other peers of ${network} at UDP port ${port}, if an admin names this machine a relay`;

const stateOf = (network: string, port: number | undefined): string =>
  port === undefined
    ? `this machine is no relay of ${network}`
    : `this machine may be a relay of ${network} at UDP port ${port}`;
