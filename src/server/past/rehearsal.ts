/** The effect of a command, in the form that both programs show. */
import type { Command } from '../../domain/command.ts';
import type { Context } from '../../domain/decision.ts';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { preview } from '../../domain/preview.ts';
import type { ReachDifference, ReachGroup } from '../../domain/reach.ts';
import type { Rehearsal } from '../../protocol/commands.ts';
import type { PeerBrief, Reach } from '../../protocol/past.ts';
import type { Head } from '../../store/log.ts';

export const briefOf = ({ id, name, ip }: Peer): PeerBrief => ({ id, name, ip });

const groupOf = ({ peers, others, pairs }: ReachGroup): Reach['gained'][number] => ({
  peers: peers.map(briefOf),
  others: others.map(briefOf),
  pairs,
});

export const reachOf = ({ gained, lost }: ReachDifference): Reach => ({
  gained: gained.map(groupOf),
  lost: lost.map(groupOf),
});

/** Changes nothing. Throws `Rejected`. */
export const rehearse = (network: Network, head: Head, command: Command, context: Context): Rehearsal => {
  const { events, sentences, reach } = preview(network, command, context);
  return { ...head, events, dryRun: true, sentences, reach: reachOf(reach) };
};
