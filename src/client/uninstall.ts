/** `innernet uninstall`: leaves a network for good; its key and pins go, so that only an invitation leads back. */
import { existsSync } from 'node:fs';
import { Questions } from '../cli/ask.ts';
import { removeFile } from '../cli/durable-file.ts';
import { writeHosts } from '../cli/hosts-file.ts';
import { answer } from '../cli/print.ts';
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import { takeDown } from '../wireguard/tunnel.ts';
import type { UninstallOptions } from './options.ts';
import { askOwnerOf } from './owned-network.ts';
import { Ownership } from './owner.ts';
import { type NetworkPaths, pathsOf } from './paths.ts';

/**
 * Whatever is left of a network can be removed so, also after somebody was stopped halfway. Throws a `Failure`:
 * nothing is installed, not confirmed, or the name belongs to a device that is not WireGuard's.
 */
export const uninstall = async (network: InterfaceName, options: UninstallOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  const files = filesOf(paths).filter((path) => existsSync(path));
  if (files.length === 0)
    throw new Failure(`the network ${network} is not installed: there is no ${paths.conf}`, {
      hint: 'see what is: innernet show',
    });
  const lost = 'This machine can come back with a new invitation only.';
  await new Questions(options).sure(
    `Uninstall ${network}? Its device and ${files.join(', ')} will be deleted. ${lost}`,
  );
  await askOwnerOf(paths, { ask: 'stop' });
  const ownership = await Ownership.take(paths.socket, async () => {
    throw new Failure(`${network} is just being uninstalled`);
  });
  if (!ownership) throw new Failure(`${network} is just being changed`, { hint: 'try again in a moment' });
  try {
    await remove(network, paths, options);
  } finally {
    await ownership.release();
  }
  answer(`uninstalled ${network}`);
};

/** The conf first: without it nothing brings the network up again, least of all without its pins. */
const filesOf = ({ conf, pending, state, journal }: NetworkPaths): string[] => [
  conf,
  pending,
  state,
  journal,
];

const remove = async (
  network: InterfaceName,
  paths: NetworkPaths,
  { writeHosts: isToWrite, hostsPath }: UninstallOptions,
): Promise<void> => {
  await takeDown(network);
  if (isToWrite) await writeHosts(hostsPath, network, []);
  for (const path of filesOf(paths)) await removeFile(path);
};
