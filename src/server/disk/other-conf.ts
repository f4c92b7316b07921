/** Refuses a conf that belongs to another network. */
import type { Network } from '../../domain/network.ts';
import { Failure } from '../../values/failure.ts';
import { ROOT_CIDR, SERVER_PEER } from '../../values/id.ts';
import { networkOf } from '../../values/ip.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import { rangeOf, type ServerConf } from './conf.ts';
import type { NetworkFiles } from './files.ts';

const differenceOf = (conf: ServerConf, network: Network): string | undefined => {
  const server = network.peer(SERVER_PEER);
  if (server?.ip !== conf.address) return 'the address of the server differs';
  if (server.publicKey !== publicKeyOf(conf.privateKey)) return 'the key of the server differs';
  const root = network.cidr(ROOT_CIDR);
  if (!root || networkOf(root.cidr) === rangeOf(conf)) return undefined;
  return `the range of the network differs: ${networkOf(root.cidr)} and ${rangeOf(conf)}`;
};

/** `kept`: the file that holds the network. Throws a `Failure` if server or range differ. */
export const refuseOtherConf = (
  conf: ServerConf,
  network: Network,
  files: NetworkFiles,
  kept: 'log' | 'foreignDatabase',
): void => {
  const difference = differenceOf(conf, network);
  if (!difference) return;
  throw new Failure(`${files.conf} does not belong to ${files[kept]}: ${difference}`, {
    hint: 'put the two files back together, from the same machine and the same day',
  });
};
