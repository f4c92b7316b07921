/** Names on the server's machine that the completions propose: from the read models, beside whoever is writing. */
import type { Named } from '../../cli/completions.ts';
import { networksIn } from '../../cli/networks.ts';
import { listPeers } from '../../projections/peers.ts';
import { listCidrs } from '../../projections/topology.ts';
import { openDatabase } from '../../store/open.ts';
import { InterfaceName } from '../../values/name.ts';
import { type Folders, filesOf } from '../disk/files.ts';

/** Throws where nothing is known. */
export const knownNames = (kind: Named, network: string, folders: Folders): string[] => {
  if (kind === 'network') return networksIn(folders);
  const db = openDatabase(filesOf(InterfaceName.parse(network), folders).log, 'read');
  try {
    return (kind === 'cidr' ? listCidrs(db) : listPeers(db)).map(({ name }) => name);
  } finally {
    db.close();
  }
};
