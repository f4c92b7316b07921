/** Names for shell completion, from the read models. */
import type { Named } from '../../cli/completions.ts';
import { networksIn } from '../../cli/networks.ts';
import { InterfaceName } from '../../values/name.ts';
import type { Folders } from '../disk/files.ts';
import { openNetworkLog } from '../past/local-past.ts';

/** Throws where nothing is known. */
export const knownNames = async (kind: Named, network: string, folders: Folders): Promise<string[]> => {
  if (kind === 'network') return networksIn(folders);
  const log = await openNetworkLog(InterfaceName.parse(network), folders);
  try {
    const rows = kind === 'cidr' ? log.queries.cidrs() : log.queries.peers().filter(({ ended }) => !ended);
    return rows.map(({ name }) => name);
  } finally {
    await log.close();
  }
};
