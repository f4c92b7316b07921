/** This machine's public address, as a public DNS resolver sees it. */
import { Resolver } from 'node:dns/promises';
import { Failure } from '../../values/failure.ts';
import { Ip } from '../../values/ip.ts';

/** OpenDNS answers `myip.opendns.com` with the asker's address: https://www.opendns.com */
const NAME = 'myip.opendns.com';
const RESOLVERS = ['208.67.222.222', '208.67.220.220'];
/** Per try. */
const MAX_WAIT_MS = 3_000;

/** Throws a `Failure` without an answer. */
export const ownAddress = async (): Promise<Ip> => {
  const resolver = new Resolver({ timeout: MAX_WAIT_MS, tries: 1 });
  resolver.setServers(RESOLVERS);
  try {
    return Ip.parse((await resolver.resolve4(NAME))[0]);
  } catch (cause) {
    throw new Failure(`no public DNS resolver could be asked for the address of this machine`, {
      hint: 'name it: --external-endpoint vpn.example.org:51820',
      cause,
    });
  }
};
