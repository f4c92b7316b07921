/** Names that the completions propose on a peer, from its files alone. */
import type { Named } from '../../cli/completions.ts';
import { InterfaceName } from '../../values/name.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import { readState } from '../memory/journal.ts';
import { type Folders, installedNetworks, pathsOf } from '../memory/paths.ts';

/** Includes peers out of sight: a disabled one can be enabled again. Throws when nothing is known. */
export const knownNames = async (
  kind: Named,
  networkName: string,
  folders: Folders,
): Promise<Iterable<string>> => {
  if (kind === 'network') return installedNetworks(folders);
  const network = InterfaceName.parse(networkName);
  const paths = pathsOf(network, folders);
  const { mirror } = await readState(paths, groundOf(await readConf(paths.conf, network)));
  const named = kind === 'cidr' ? [...mirror.cidrs()] : [...mirror.peers(), ...mirror.pins.all()];
  return named.map(({ name }) => name);
};
