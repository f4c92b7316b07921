/** The server's relay as another process sees it: its port, its file, its table. */
import { type Passed, passedIn, relayTableName } from '../../filter/relay-table.ts';
import { rememberedAddresses } from '../../relay/relay-file.ts';
import type { InterfaceName } from '../../values/name.ts';
import { run } from '../../wireguard/program.ts';
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

/** Null: nothing of the relay is in nftables. */
export const passedByKernel = async (name: InterfaceName): Promise<Passed | null> => {
  const counters = ['list', 'counters', 'table', 'ip', relayTableName(name)];
  const { code, stdout } = await run('nft', counters).catch(() => ({ code: 1, stdout: '' }));
  return code === 0 ? passedIn(stdout) : null;
};
