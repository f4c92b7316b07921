/** The effect of a command, in the form that both programs show. */
import type { Command } from '../../domain/command.ts';
import type { Context } from '../../domain/decision.ts';
import { type Said, wordsBefore } from '../../domain/enforcers.ts';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { preview } from '../../domain/preview.ts';
import type { ReachDifference } from '../../domain/reach.ts';
import type { NetworkEvent } from '../../events/schema.ts';
import type { Rehearsal } from '../../protocol/commands.ts';
import type { PeerBrief, Reach } from '../../protocol/past.ts';
import type { Head } from '../../store/log.ts';

export const briefOf = ({ id, name, ip }: Peer): PeerBrief => ({ id, name, ip });

const brief = <G extends { peers: Peer[]; others: Peer[] }>(group: G) => ({
  ...group,
  peers: group.peers.map(briefOf),
  others: group.others.map(briefOf),
});

export const reachOf = ({ gained, lost, turned }: ReachDifference): Reach => ({
  gained: gained.map(brief),
  lost: lost.map(brief),
  ...(turned.length > 0 ? { turned: turned.map(brief) } : {}),
});

/** As it is when the command is carried out: `said` is recorded first where it is needed. */
const readyFor = (network: Network, events: readonly NetworkEvent[], said: () => Iterable<Said>): Network => {
  const words = wordsBefore(network, events, said);
  if (words.length === 0) return network;
  const ready = network.draft();
  for (const event of words) ready.evolve(event);
  return ready;
};

/** Changes nothing. `said`: what the programs of peers know. Throws `Rejected`. */
export const rehearse = (
  network: Network,
  head: Head,
  command: Command,
  { said = () => [], ...context }: Context & { said?: () => Iterable<Said> },
): Rehearsal => {
  const first = preview(network, command, context);
  const ready = readyFor(network, first.events, said);
  const { events, sentences, reach } = ready === network ? first : preview(ready, command, context);
  return { ...head, events, dryRun: true, sentences, reach: reachOf(reach) };
};
