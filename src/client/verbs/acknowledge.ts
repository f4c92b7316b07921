/** `innernet acknowledge`: the user accepts a restored older history or an older server. */
import { isOnlySaid, type LocalChangeOptions, sayDone } from '../../cli/local-change.ts';
import type { GlobalOptions } from '../../cli/options.ts';
import { Failure } from '../../values/failure.ts';
import type { InterfaceName } from '../../values/name.ts';
import { groundOf, readConf } from '../memory/conf-file.ts';
import { Journal, readState } from '../memory/journal.ts';
import { type NetworkPaths, pathsOf } from '../memory/paths.ts';
import { restoredSentence } from '../memory/restored.ts';
import { Trust } from '../memory/trust.ts';
import { alone } from '../owner/alone.ts';
import { askOwnerOf } from '../owner/owned-network.ts';
import { Ownership } from '../owner/owner.ts';

export type AcknowledgeOptions = GlobalOptions &
  LocalChangeOptions & {
    /** The network went back to an older server, which proves nothing. */
    olderServer?: true | undefined;
  };

/** Throws a `Failure` when there is nothing to acknowledge. */
export const acknowledge = async (network: InterfaceName, options: AcknowledgeOptions): Promise<void> => {
  const paths = pathsOf(network, options);
  if (options.olderServer) return acknowledgeOlder(network, paths, options);
  const { mirror } = await readState(paths, groundOf(await readConf(paths.conf, network)));
  const { notice } = mirror;
  const change = { network, changes: notice ? [`no longer say: ${restoredSentence(notice)}`] : [] };
  const none = new Failure(`there is nothing to acknowledge in ${network}`, {
    hint: `an alarm about another history ends when the server shows the right one again: innernet show ${network}`,
  });
  if (!notice && options.dryRun) throw none;
  if (isOnlySaid(change, options)) return;
  const done =
    ((await askOwnerOf(paths, { ask: 'acknowledge' })) as boolean | undefined) ??
    (await acknowledgeInFiles(network, paths));
  if (!done) throw none;
  sayDone(change, options, `acknowledged that an older copy of the history of ${network} was put back`);
};

const acknowledgeOlder = async (
  network: InterfaceName,
  paths: NetworkPaths,
  options: AcknowledgeOptions,
): Promise<void> => {
  const { server } = await readConf(paths.conf, network);
  const trust = await Trust.read(paths.proved, server.publicKey);
  const order =
    'take what answers at the server’s address for the server, though it proves nothing, until it does';
  const change = { network, changes: trust.standing === 'older' ? [] : [order] };
  if (isOnlySaid(change, options)) return;
  if ((await askOwnerOf(paths, { ask: 'acknowledgeOlder' })) === undefined)
    await alone(network, paths, () => trust.acknowledge());
  sayDone(
    change,
    options,
    'acknowledged: the server is an older one, and what it says is checked by pins alone',
  );
};

const acknowledgeInFiles = async (network: InterfaceName, paths: NetworkPaths): Promise<boolean> => {
  const conf = await readConf(paths.conf, network);
  const busy = new Failure(`${network} is just being changed`, { hint: 'try again in a moment' });
  const ownership = await Ownership.take(paths.socket, async () => {
    throw busy;
  });
  if (!ownership) throw busy;
  try {
    const journal = await Journal.open(paths, groundOf(conf));
    const { mirror } = journal.kept;
    const { notice } = mirror;
    if (notice) {
      await journal.append(mirror.judgeAcknowledgement());
      mirror.take(mirror.judgeAcknowledgement());
      await journal.fold();
    }
    await journal.close();
    return notice !== null;
  } finally {
    await ownership.release();
  }
};
