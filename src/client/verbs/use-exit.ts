/** `innernet use-exit`: lets all that has no nearer way leave by an exit of the network, or as it did before. */
import { Questions } from '../../cli/ask.ts';
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { note } from '../../cli/print.ts';
import { printable } from '../../domain/rejection.ts';
import type { RouteRow } from '../../protocol/rows.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import { readState } from '../memory/journal.ts';
import { installedNetworks, pathsOf } from '../memory/paths.ts';
import { alone } from '../owner/alone.ts';
import { changeConf } from '../owner/conf-writer.ts';
import { askOwnerOf } from '../owner/owned-network.ts';
import { forgetExit } from '../tunnels/exit.ts';
import { isDefault } from '../tunnels/held-blocks.ts';
import { dnsText, resolversOutside } from '../tunnels/resolvers.ts';

export type UseExitOptions = GlobalOptions &
  LocalChangeOptions & { exit?: string | undefined; yes?: true | undefined };

/** How the user says that there is to be none. */
const OFF = 'off';

/** Throws a `Failure` and changes nothing when there is no such exit, or another network's is in use. */
export const useExit = async (network: InterfaceName, options: UseExitOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  const conf = await readConf(paths.conf, network);
  const { mirror } = await readState(paths, groundOf(conf));
  const exits = [...mirror.routes()].filter(({ blocks }) => blocks.some(isDefault));
  const questions = new Questions(options);
  const name = await questions.choice<string>({
    flag: '--exit',
    question: 'Which exit',
    given: options.exit,
    choices: async () => [...exits.map((exit) => exit.name), OFF].map((name) => ({ name, value: name })),
    none: 'there is no exit',
  });
  const exit = name === OFF ? undefined : exitNamed(name, exits, network);
  if (exit) await refuseSecond(network, options);
  const isSo = conf.exit === exit?.id;
  const change = { network, changes: isSo ? [] : [orderOf(exit)] };
  if (isOnlySaid(change, options)) return;
  if (isSo) return sayDone(change, options, `nothing to do: ${stateOf(exit)}`);
  if (exit)
    await questions.confirmIfAsked(
      `Let all packets that have no nearer way leave by ${printable(exit.name)} of ${network}, and none while it is away?`,
    );
  await changeConf(network, paths, { what: 'exit', exit: exit?.id ?? null });
  const isFollowed = (await askOwnerOf(paths, { ask: 'status' })) !== undefined;
  if (!exit && !isFollowed) await alone(network, paths, () => forgetExit(paths.exit));
  sayDone(change, options, stateOf(exit));
  if (!exit) return;
  if (!isFollowed)
    return note(`innernet: it is used once the network is up: innernet up --daemon ${network}`);
  const outside = await resolversOutside(network);
  if (outside.length > 0) note(`innernet: warning: ${dnsText(outside)}`);
};

const exitNamed = (name: string, exits: readonly RouteRow[], network: string): RouteRow => {
  const exit = exits.find((each) => each.name === name);
  if (exit) return exit;
  const hint =
    exits.length > 0
      ? `there are: ${exits.map((each) => printable(each.name)).join(', ')}`
      : `an admin makes one, and opens it: innernet add-route ${network} --exit`;
  throw new Failure(`no exit "${printable(name)}" is open to this machine`, { hint });
};

/** Rules and marks are the same for all networks. */
const refuseSecond = async (network: InterfaceName, options: UseExitOptions): Promise<void> => {
  for (const other of await installedNetworks(options)) {
    if (other === network) continue;
    const { exit } = await readConf(pathsOf(other, options).conf, other);
    if (exit !== undefined)
      throw new Failure(`this machine uses an exit of ${other} already`, {
        hint: `give that up first: innernet use-exit ${other} off`,
      });
  }
};

const orderOf = (exit: RouteRow | undefined): string =>
  exit
    ? `let all packets that have no nearer way leave by ${printable(exit.name)}, and none while it is away`
    : 'let all packets leave as they did before the exit';

const stateOf = (exit: RouteRow | undefined): string =>
  exit ? `all packets that have no nearer way leave by ${printable(exit.name)}` : 'this machine uses no exit';
