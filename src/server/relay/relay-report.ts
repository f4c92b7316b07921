/** The server's relay as another process sees it: its port, its file, its table. */
import type { Passed } from '../../filter/relay-table.ts';
import { passedByKernel } from '../../filter/relay-ways.ts';
import { rememberedAddresses } from '../../relay/relay-file.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { NetworkFiles } from '../disk/files.ts';
import { isUdpPortOpen } from './udp-port.ts';

export type RelayReport = {
  port: number;
  /** Whether a program listens there. */
  isOpen: boolean;
  mailboxes: number;
  /** Data that the kernel passed on; null: the program passes it. */
  byKernel: Passed | null;
};

/** `port`: of the server's peer; null where it is no relay. */
export const relayReport = async (
  name: InterfaceName,
  port: number | undefined,
  files: NetworkFiles,
): Promise<RelayReport | null> => {
  if (port === undefined) return null;
  const byKernel = await passedByKernel(name);
  return { port, isOpen: isUdpPortOpen(port), mailboxes: rememberedAddresses(files.relay).length, byKernel };
};
