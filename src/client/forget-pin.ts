/** `innernet forget-pin`: this machine's word that a peer may have another key or address than it was seen with. */
import type { GlobalOptions } from '../cli/options.ts';
import { answer } from '../cli/print.ts';
import { printable } from '../domain/rejection.ts';
import { Failure } from '../values/failure.ts';
import type { InterfaceName } from '../values/name.ts';
import { groundOf, readConf } from './conf-file.ts';
import { Journal } from './journal.ts';
import { askOwnerOf } from './owned-network.ts';
import { Ownership } from './owner.ts';
import { type NetworkPaths, pathsOf } from './paths.ts';

/** `peer` is its name or address as pinned. Throws a `Failure` when there is no such pin. */
export const forgetPin = async (
  network: InterfaceName,
  peer: string,
  options: GlobalOptions,
): Promise<void> => {
  const paths = pathsOf(network, options);
  const count =
    ((await askOwnerOf(paths, { ask: 'forgetPin', peer })) as number | undefined) ??
    (await forgetInFiles(network, peer, paths));
  if (count === 0)
    throw new Failure(`no key is pinned for "${peer}" in ${network}`, {
      hint: `name a peer as "innernet show ${network}" does, or its address`,
    });
  answer(`forgotten: what is shown of ${printable(peer)} next is pinned anew`);
};

const forgetInFiles = async (network: InterfaceName, peer: string, paths: NetworkPaths): Promise<number> => {
  const conf = await readConf(paths.conf, network);
  const ownership = await Ownership.take(paths.socket, async () => {
    throw new Failure(`${network} is just being changed`, { hint: 'try again in a moment' });
  });
  if (!ownership) throw new Failure(`${network} is just being changed`, { hint: 'try again in a moment' });
  try {
    const journal = await Journal.open(paths, groundOf(conf));
    const { mirror } = journal.kept;
    const pins = [...mirror.pins.all()].filter(({ name, ip }) => name === peer || ip === peer);
    if (pins.length > 0) {
      const effect = mirror.judgeForgetting(pins);
      await journal.append(effect);
      mirror.take(effect);
      await journal.fold();
    }
    await journal.close();
    return pins.length;
  } finally {
    await ownership.release();
  }
};
