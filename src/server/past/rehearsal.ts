/** The effect of a command, in the form that both programs show. */
import type { Command } from '../../domain/command.ts';
import type { Context } from '../../domain/decision.ts';
import type { Network } from '../../domain/network.ts';
import type { Peer } from '../../domain/peer.ts';
import { preview } from '../../domain/preview.ts';
import type { ReachDifference } from '../../domain/reach.ts';
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

/** Changes nothing. Throws `Rejected`. */
export const rehearse = (network: Network, head: Head, command: Command, context: Context): Rehearsal => {
  const { events, sentences, reach } = preview(network, command, context);
  return { ...head, events, dryRun: true, sentences, reach: reachOf(reach) };
};
