/** Finds and refuses other uses on this machine of a joining network's addresses. */
import type { GlobalOptions } from '../../cli/options.ts';
import { shellWord } from '../../domain/rejection.ts';
import { Failure } from '../../values/failure.ts';
import { type Cidr, networkOf, overlaps } from '../../values/ip.ts';
import type { InterfaceName } from '../../values/name.ts';
import { thievesText } from '../../wireguard/guard.ts';
import { clashesWith } from '../../wireguard/routes.ts';
import { readConf } from '../memory/conf-file.ts';
import { installedNetworks, pathsOf } from '../memory/paths.ts';

/** In words: other networks, up or down, and routes and addresses of other devices. */
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

/** Unreadable confs are another verb's problem. */
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

/** The other user would take, or lose, the network's traffic. */
export const refuseOverlaps = (found: readonly string[], range: Cidr, file: string): void => {
  if (found.length === 0) return;
  throw new Failure(`the network's range ${range} overlaps ${found.join(', ')}`, {
    hint: `renumber one of the two; or join all the same, and reach only the other there: innernet install --allow-overlap ${shellWord(file)}`,
  });
};
