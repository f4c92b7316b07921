/** `innernet-server down`: removes the server's tunnels; log, key and peers stay. */
import { hasTerminal, Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { note } from '../../cli/print.ts';
import { ordersToRemoveTable, removeTable } from '../../filter/kept-table.ts';
import { ordersToPutForwardingBack, putForwardingBack } from '../../filter/lent-forwarding.ts';
import { forgetRelay, ordersToForgetRelay } from '../../filter/relay-ways.ts';
import { ProcessLock } from '../../store/process-lock.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { openDevice, takeDown } from '../../wireguard/tunnel.ts';
import { readConf } from '../disk/conf.ts';
import { filesOf } from '../disk/files.ts';

export type DownOptions = GlobalOptions & LocalChangeOptions & { yes?: true | undefined };

/** Throws a `Failure`: no such network here, being served, or not confirmed. */
export const down = async (network: InterfaceName, options: DownOptions): Promise<void> => {
  const files = filesOf(network, options);
  readConf(files.conf);
  const changes = [
    ...((await openDevice(network)) ? [`remove the device ${network} with its tunnels`] : []),
    ...(await ordersToRemoveTable(network)),
    ...(await ordersToForgetRelay(network, files.relayForwarding)),
    ...ordersToPutForwardingBack(files.phoneForwarding),
  ];
  if (isOnlySaid({ network, changes }, options)) return;
  if (ProcessLock.isHeld(files.lock))
    throw new Failure(`${network} is being served, and its server would bring the tunnels up again`, {
      hint: `stop it first: systemctl stop innernet-server@${network}`,
    });
  if (changes.length > 0 && hasTerminal())
    await new Questions(options).sure(
      `Take the tunnels of ${network} down? No peer reaches this machine then.`,
    );
  await forgetRelay(network, files.relayForwarding);
  putForwardingBack(files.phoneForwarding);
  if (!(await takeDown(network))) note(`innernet-server: ${network} is down already`);
  await removeTable(network);
  sayDone({ network, changes }, options, `${network} is down`);
};
