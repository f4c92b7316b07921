/** What else of this machine has addresses of a network that it is to join, and the refusal where there is such a thing. */
import type { GlobalOptions } from '../../cli/options.ts';
import { shellWord } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';
import { type Cidr, networkOf, overlaps } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { thievesText } from '../../wireguard/guard.ts';
import { clashesWith } from '../../wireguard/routes.ts';
import { readConf } from '../memory/conf-file.ts';
import { installedNetworks, pathsOf } from '../memory/paths.ts';

/**
 * Other networks of this machine, up or down, and routes and addresses of other devices that a range would clash with;
 * each in words.
 */
export const overlapsOf = async (
  range: Cidr,
  own: InterfaceName,
  options: GlobalOptions,
): Promise<string[]> => {
  const [clashes, others] = await Promise.all([clashesWith(range, own), rangesOf(own, options)]);
  const networks = others.filter((other) => overlaps(other.range, range));
  const devices = new Set<string>(networks.map(({ name }) => name));
  return [
    ...networks.map(({ name, range: other }) => `the network ${name} (${other}) of this machine`),
    ...clashes.filter(({ device }) => !devices.has(device)).map((clash) => thievesText([clash])),
  ];
};

/** The ranges of the other networks that are installed; a conf that cannot be read is another verb's trouble. */
const rangesOf = async (
  own: InterfaceName,
  options: GlobalOptions,
): Promise<{ name: InterfaceName; range: Cidr }[]> => {
  const found: { name: InterfaceName; range: Cidr }[] = [];
  for (const name of await installedNetworks(options)) {
    if (name === own) continue;
    const conf = await readConf(pathsOf(name, options).conf, name).catch(() => undefined);
    if (conf) found.push({ name, range: networkOf(conf.address) });
  }
  return found;
};

/** Throws where there is any: who has the addresses would take, or lose, what is meant for the network. */
export const refuseOverlaps = (found: readonly string[], range: Cidr, file: string): void => {
  if (found.length === 0) return;
  throw new Failure(`the network's range ${range} overlaps ${found.join(', ')}`, {
    hint: `renumber one of the two; or join all the same, and reach only the other there: innernet install --allow-overlap ${shellWord(file)}`,
  });
};
