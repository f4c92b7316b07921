/** Refuses verbs when the network's owner was told that this machine is disabled or deleted. */
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { type Folders, pathsOf } from '../memory/paths.ts';
import { askOwner } from './owner.ts';

/** For a local process. */
const PATIENCE_MS = 2_000;

/** Throws a `Failure` at once where the server would only be silent. */
export const refuseShutOut = async (network: InterfaceName, options: Folders): Promise<void> => {
  if (await isShutOut({ network, options }))
    throw new Failure(shutOutText(network), { hint: shutOutHint(network) });
};

/** Also false without an owner, or when it is too busy. */
export const isShutOut = async ({
  network,
  options,
}: {
  network: InterfaceName;
  options: Folders;
}): Promise<boolean> => {
  try {
    const status = await askOwner(pathsOf(network, options).socket, { ask: 'status' }, PATIENCE_MS);
    return (status as { isShutOut?: boolean } | undefined)?.isShutOut === true;
  } catch {
    return false;
  }
};

export const shutOutText = (network: string): string => `this machine was disabled or deleted in ${network}`;

export const shutOutHint = (network: string): string =>
  `ask an admin of the network: if it was disabled, innernet enable-peer ${network} lets it in again`;
