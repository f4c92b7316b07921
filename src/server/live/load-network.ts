/** The network from the log: a stored state and the records after it. */
import { Network, type NetworkJson } from '../../domain/network.ts';
import { PEER_FIELDS } from '../../domain/peer.ts';
import { sha256Text } from '../../machine/sha256.ts';
import type { RecordedCommit } from '../../store/commit.ts';
import { replay } from '../../store/follow.ts';
import type { EventLog } from '../../store/log.ts';
import type { Position } from '../../values/id.ts';

/** Raise it when `evolve` changes its result for the same events. */
const FOLD = 4;

/** States of other fields or another fold are ignored. */
const CODE_VERSION = sha256Text(
  JSON.stringify([FOLD, Object.keys(new Network().toJSON()), PEER_FIELDS]),
).slice(0, 16);

/** The newest stored state up to a position; empty if there is none. */
export const loadStored = async (log: EventLog, until: Position): Promise<Network> => {
  const state = await log.loadState(CODE_VERSION, until);
  return state ? Network.fromJSON(JSON.parse(state.body) as NetworkJson) : new Network();
};

/** At the end of the log. Throws `UnknownEventType`. */
export const loadNetwork = async (log: EventLog): Promise<Network> => {
  const network = await loadStored(log, Number.MAX_SAFE_INTEGER);
  await replay(log, network.position, ({ events, to }: RecordedCommit) => network.advance(events, to));
  return network;
};

/** Keeps the network as it is, for a quicker start. */
export const storeState = async (log: EventLog, network: Network): Promise<void> => {
  const { position } = network;
  const body = JSON.stringify(network);
  const [last] = await log.read(position - 1, 1);
  if (last) await log.saveState({ position, hash: last.hash, codeVersion: CODE_VERSION, body });
};
