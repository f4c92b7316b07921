/** `innernet set-listen-port`: fixes WireGuard's UDP port on this machine, or lets WireGuard choose. */
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import { type GlobalOptions, portNumber } from '../../cli/options.ts';
import { note } from '../../cli/print.ts';
import type { InterfaceName } from '../../values/name.ts';
import { readConf } from '../memory/conf-file.ts';
import { pathsOf } from '../memory/paths.ts';
import { changeConf } from '../owner/conf-writer.ts';

export type ListenPortOptions = GlobalOptions &
  LocalChangeOptions & {
    listenPort?: number | undefined;
    unset?: true | undefined;
    yes?: true | undefined;
  };

/** Throws a `Failure` and changes nothing when another program has the port. */
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
  const isSo = (conf.listenPort ?? null) === listenPort;
  const where = listenPort === null ? 'any port' : `port ${listenPort}`;
  const change = { network, changes: isSo ? [] : [`let ${network} listen at ${where}`] };
  if (isOnlySaid(change, options)) return;
  await questions.confirmIfAsked(`Let ${network} listen at UDP port ${listenPort}?`);
  if (isSo) {
    const words = listenPort === null ? 'has no fixed port' : `listens at ${where}`;
    return sayDone(change, options, `nothing to do: ${network} ${words}`);
  }
  await changeConf(network, paths, { what: 'listenPort', listenPort });
  sayDone(change, options, `${network} listens at ${where}`);
  if (listenPort !== null) return;
  note(
    `innernet: if the network was told of an endpoint of this machine: innernet override-endpoint ${network} --unset`,
  );
};
