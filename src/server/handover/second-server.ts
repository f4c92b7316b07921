/** A server asks before it serves whether another machine serves by now: its standby may have been promoted. */
import { during } from '../../cli/progress.ts';
import type { Network } from '../../domain/network.ts';
import { Failure } from '../../values/failure.ts';
import { publicKeyOf } from '../../values/key-pair.ts';
import type { InterfaceName } from '../../values/name.ts';
import type { ServerConf } from '../disk/conf.ts';
import type { NetworkFiles } from '../disk/files.ts';
import { readQuestionKey } from '../disk/question-key.ts';
import { rememberedEndpoints } from '../observations/observation-file.ts';
import { whoServes } from './others.ts';

type Parts = {
  device: InterfaceName;
  network: Network;
  conf: ServerConf;
  files: NetworkFiles;
  warn: (message: string) => void;
};

/** Asks nobody where no standby was ever named. Throws a `Failure` where another machine serves. */
export const refuseSecondServer = async ({ device, network, conf, files, warn }: Parts): Promise<void> => {
  if (network.standbys.size === 0 && network.promotion === null) return;
  const pair = readQuestionKey(files.questionKey);
  if (!pair || pair.publicKey !== network.questionKey) return; // no kit was ever made here: nobody can have been promoted
  const endpoints = rememberedEndpoints(files.observations);
  const place = await during(
    `asking whether another machine serves ${device}`,
    whoServes({
      ...{ device, network, warn },
      serverKey: publicKeyOf(conf.privateKey),
      question: pair.privateKey,
      observed: (id) => endpoints.get(id) ?? null,
    }),
  );
  if (place === undefined) return;
  throw new Failure(`another machine serves ${device}: a device with the server's key answers at ${place}`, {
    hint: `make this machine its standby: innernet-server standby ${device} --rejoin`,
  });
};
