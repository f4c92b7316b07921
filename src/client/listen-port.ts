/** `innernet set-listen-port`: the UDP port at which this machine's WireGuard listens, for good or any. */
import { Questions } from '../cli/ask.ts';
import { type GlobalOptions, portNumber } from '../cli/options.ts';
import { answer, note } from '../cli/print.ts';
import type { InterfaceName } from '../values/name.ts';
import { readConf } from './conf-file.ts';
import { changeConf } from './conf-writer.ts';
import { pathsOf } from './paths.ts';

export type ListenPortOptions = GlobalOptions & {
  listenPort?: number | undefined;
  unset?: true | undefined;
  yes?: true | undefined;
};

/** Throws a `Failure` when another program has the port: then everything stays as it was. */
export const setListenPort = async (network: InterfaceName, options: ListenPortOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  const conf = await readConf(paths.conf, network);
  const questions = new Questions(options);
  const listenPort = options.unset
    ? null
    : await questions.text({
        flag: '--listen-port',
        question: 'UDP port to listen at',
        given: options.listenPort,
        schema: portNumber,
        initial: String(conf.listenPort ?? 51_820),
      });
  await questions.confirmIfAsked(`Let ${network} listen at UDP port ${listenPort}?`);
  if ((conf.listenPort ?? null) === listenPort)
    return answer(
      listenPort === null
        ? `nothing to do: ${network} has no fixed port`
        : `nothing to do: ${network} listens at port ${listenPort}`,
    );
  await changeConf(network, paths, { what: 'listenPort', listenPort });
  if (listenPort !== null) return answer(`${network} listens at port ${listenPort}`);
  answer(`${network} listens at any port`);
  note(
    `innernet: if the network was told of an endpoint of this machine: innernet override-endpoint ${network} --unset`,
  );
};
