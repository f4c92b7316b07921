/** `innernet forget-pin`: allows a peer another key or address than the pinned one. */
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { printable } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';
import { shortKey } from '../../values/key.ts';
import type { InterfaceName } from '../../values/name.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import { Journal, readState } from '../memory/journal.ts';
import { type NetworkPaths, pathsOf } from '../memory/paths.ts';
import type { Pin } from '../memory/pins.ts';
import { askOwnerOf } from '../owner/owned-network.ts';
import { Ownership } from '../owner/owner.ts';

export type ForgetPinOptions = GlobalOptions & LocalChangeOptions;

/** `peer` is the pinned name or address. Throws a `Failure` when there is no such pin. */
export const forgetPin = async (
  network: InterfaceName,
  peer: string,
  options: ForgetPinOptions,
): Promise<void> => {
  const paths = pathsOf(network, options);
  const { mirror } = await readState(paths, groundOf(await readConf(paths.conf, network)));
  const pins = pinsOf(mirror.pins.all(), peer);
  const change = { network, changes: pins.map(orderOf) };
  const none = new Failure(`no key is pinned for "${printable(peer)}" in ${network}`, {
    hint: `name a peer as "innernet show ${network}" does, or its address`,
  });
  if (pins.length === 0 && options.dryRun) throw none;
  if (isOnlySaid(change, options)) return;
  const count =
    ((await askOwnerOf(paths, { ask: 'forgetPin', peer })) as number | undefined) ??
    (await forgetInFiles(network, peer, paths));
  if (count === 0) throw none;
  sayDone(change, options, `forgotten: what is shown of ${printable(peer)} next is pinned anew`);
};

const pinsOf = (all: Iterable<Pin>, peer: string): Pin[] =>
  [...all].filter(({ name, ip }) => name === peer || ip === peer);

const orderOf = ({ name, ip, publicKey }: Pin): string =>
  `forget that ${name} is ${ip} with the key ${shortKey(publicKey)}`;

const forgetInFiles = async (network: InterfaceName, peer: string, paths: NetworkPaths): Promise<number> => {
  const conf = await readConf(paths.conf, network);
  const ownership = await Ownership.take(paths.socket, async () => {
    throw new Failure(`${network} is just being changed`, { hint: 'try again in a moment' });
  });
  if (!ownership) throw new Failure(`${network} is just being changed`, { hint: 'try again in a moment' });
  try {
    const journal = await Journal.open(paths, groundOf(conf));
    const { mirror } = journal.kept;
    const pins = pinsOf(mirror.pins.all(), peer);
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
