/** This machine's relay as another process sees it: its port, its file, its table. */
import type { Passed } from '../filter/relay-table.ts';
import { passedByKernel } from '../filter/relay-ways.ts';
import type { InterfaceName } from '../values/name.ts';
import { rememberedAddresses } from './relay-file.ts';
import { isUdpPortOpen } from './udp-port.ts';

export type RelayReport = {
  port: number;
  /** Whether a program listens there. */
  isOpen: boolean;
  mailboxes: number;
  /** Data that the kernel passed on; null: the program passes it. */
  byKernel: Passed | null;
};

/** `port`: undefined where it is no relay; `file`: see `RelayFile`. */
export const relayReport = async (
  name: InterfaceName,
  port: number | undefined,
  file: string,
): Promise<RelayReport | null> => {
  if (port === undefined) return null;
  const byKernel = await passedByKernel(name);
  return { port, isOpen: isUdpPortOpen(port), mailboxes: rememberedAddresses(file).length, byKernel };
};
